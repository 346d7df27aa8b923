/** Where the kernel-format log goes. Level 0 keeps nothing but the final message, which rejections carry themselves. */
export interface LogSink {
  readonly level: 0 | 1 | 2;
  /** One whole line of kernel text without the line end. */
  message(line: string): void;
}
