/** What of a kernel's log can be compared with ours: the walk, without what differs from boot to boot. */

/** Analysis that newest kernels print before the walk; it ends where the first function's state is shown. */
const ANALYSIS = /^topo_order[\s\S]*?(?=^(0: R1=|0: R10=|arg#|Global function|Validating))/m;
const STATISTICS = /^(verification time .*|stack depth .*|insns processed .*|processed \d+ insns .*)$/;

/**
 * Lines of the walk without statistics; masked are addresses, the loader's names for data maps, and what changes whenever a
 * program is added to the object: source lines and numbers of its types.
 */
export function walkLines(log: string): string[] {
  return log
    .replace(ANALYSIS, '')
    .split('\n')
    .map((line) =>
      line
        .replace(/\(18\) (r\d+) = 0x[0-9a-f]+ */, '(18) $1 = ADDR ')
        .replace(/0x[0-9a-f]{9,}/g, 'ADDR')
        .replace(/map=[\w.]+/g, 'map=M')
        .replace(/^; .*$/, '; SOURCE')
        .replace(/( function \w+)#\d+/, '$1#ID')
        .trimEnd(),
    )
    .filter((line) => line !== '' && !STATISTICS.test(line));
}
