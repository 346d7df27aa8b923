/** Where the kernel-format log goes. Level 0 keeps nothing but the final message, which rejections carry themselves. */
export interface LogSink {
  readonly level: 0 | 1 | 2;
  /** Characters so far; level 1 cuts the log back to the length it had when a path was put aside. */
  readonly length: number;
  /** Text without a line end of its own. */
  write(text: string): void;
  /** One whole line of kernel text without the line end. */
  message(line: string): void;
  cutTo(length: number): void;
  text(): string;
  /** Position right behind the last instruction line, to put its state beside it; -1 none. */
  insnEnd: number;
  /** Width of that line. */
  insnWidth: number;
}

/** Pieces, because most cuts are a few characters from the end of what may be megabytes. */
class KeptLog implements LogSink {
  private readonly pieces: string[] = [];
  length = 0;
  insnEnd = -1;
  insnWidth = 0;
  constructor(readonly level: 0 | 1 | 2) {}

  write(text: string): void {
    if (this.level === 0) return;
    this.pieces.push(text);
    this.length += text.length;
  }
  message(line: string): void {
    this.write(line + '\n');
  }
  cutTo(length: number): void {
    while (this.length > length) {
      const last = this.pieces.pop() ?? '';
      this.length -= last.length;
      if (this.length < length) this.write(last.slice(0, length - this.length));
    }
  }
  text(): string {
    return this.pieces.join('');
  }
}

/** A sink that keeps everything it is told, or nothing at level 0. */
export const makeLog = (level: 0 | 1 | 2): LogSink => new KeptLog(level);
