/** Virtual durations for people: three significant digits and a fitting unit. */
export function formatDuration(ns: bigint): string {
  const sign = ns < 0n ? '-' : '';
  const value = ns < 0n ? -ns : ns;
  if (value < 1000n) return `${sign}${value} ns`;
  const [unit, size] =
    value < 1_000_000n ? ['µs', 1000] : value < 1_000_000_000n ? ['ms', 1_000_000] : ['s', 1_000_000_000];
  const number = Number(value) / Number(size);
  const digits = number < 10 ? 2 : number < 100 ? 1 : 0;
  return `${sign}${Number(number.toFixed(digits))} ${unit}`;
}
