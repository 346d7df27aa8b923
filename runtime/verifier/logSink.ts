/** Where the kernel-format log goes. Level 0 keeps nothing but the final message, which rejections carry themselves. */
export interface LogSink {
  readonly level: 0 | 1 | 2;
  /** Characters so far; level 1 cuts the log back to the length it had when a path was put aside. */
  readonly length: number;
  /** One whole line of kernel text without the line end. */
  message(line: string): void;
  cutTo(length: number): void;
  text(): string;
}

/** A sink that keeps everything it is told, or nothing at level 0. */
export function makeLog(level: 0 | 1 | 2): LogSink {
  let lines = '';
  return {
    level,
    get length() {
      return lines.length;
    },
    message(line) {
      if (level > 0) lines += line + '\n';
    },
    cutTo(length) {
      lines = lines.slice(0, length);
    },
    text: () => lines,
  };
}
