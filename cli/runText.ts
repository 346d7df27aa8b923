/** What a run left behind, as people read it. */
import { defaultPrograms, HOOK_CALL_TEXT, isHookCall } from '../runtime/machine/defaultPrograms';
import type { Machine } from '../runtime/machine/machine';
import type { StepOutcome } from '../runtime/machine/player';
import type { EntryReport, JsonValue, RunReport } from '../runtime/machine/runReport';

const MAX_ENTRIES = 20;

/** @param defaultRun no scenario and no context were given: then what the default did is said, too. */
export function runText(
  machine: Machine,
  report: RunReport,
  outcomes: readonly StepOutcome[],
  defaultRun: boolean,
): string {
  const lines: string[] = [];
  const isCalled = new Set(machine.programs.filter(isHookCall).map((program) => program.name));
  for (const { program, value } of report.returnValues)
    lines.push(
      `${program} returned ${value}${defaultRun && isCalled.has(program) ? ` (${HOOK_CALL_TEXT})` : ''}`,
    );
  const left = machine.programs.filter((p) => !defaultPrograms(machine.programs).includes(p));
  if (defaultRun && left.length > 0)
    lines.push(
      `not run, as nothing fires their hooks (--program runs one): ${left.map((p) => p.name).join(', ')}`,
    );
  for (const line of report.output) lines.push(`printed: ${line}`);
  for (const { step, errno } of outcomes) {
    if (errno !== undefined && errno !== 0 && 'map' in step)
      lines.push(`${step.kind} ${step.map}: errno ${errno}`);
  }
  lines.push(`after ${duration(BigInt(report.timeNs))} on Linux ${report.kernel}:`);
  const timers = machine.timers();
  if (timers.length === 0) lines.push('  no timers');
  for (const [at, timer] of timers.entries()) {
    const row = report.timers[at];
    const when = timer.expiresNs === undefined ? '' : `, expires at ${duration(timer.expiresNs)}`;
    const armed = row.armedAt
      ? `, armed at ${row.armedAt.function}${row.armedAt.line ? `:${row.armedAt.line}` : ''}`
      : '';
    const callback = row.callback ?? 'no callback';
    lines.push(
      `  timer ${timer.label}: ${timer.state}, ${callback}, fired ${timer.fires} times${when}${armed}`,
    );
  }
  for (const [name, entries] of Object.entries(report.maps)) {
    lines.push(
      `  map ${name}: ${entries.length === 0 ? 'empty' : `${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}`}`,
    );
    for (const entry of entries.slice(0, MAX_ENTRIES)) lines.push(`    ${entryText(entry)}`);
    if (entries.length > MAX_ENTRIES) lines.push(`    … ${entries.length - MAX_ENTRIES} more`);
  }
  return `${lines.join('\n')}\n`;
}

function entryText(entry: EntryReport): string {
  const value = entry.value ?? entry.valueHex ?? (entry.valuesHex ?? []).join(' ');
  return entry.key === undefined ? valueText(value) : `${valueText(entry.key)}: ${valueText(value)}`;
}

function valueText(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([name, member]) => `${name}: ${valueText(member)}`)
      .join(', ')}}`;
  }
  return String(value);
}

/** `1.25 s`, `100 ms`: the unit that leaves a number below 1000. */
export function duration(ns: bigint): string {
  const units = [
    ['s', 1_000_000_000n],
    ['ms', 1_000_000n],
    ['us', 1000n],
  ] as const;
  for (const [unit, size] of units) {
    if (ns < size) continue;
    const fraction = ((ns % size) * 1_000_000n) / size;
    const digits = fraction.toString().padStart(6, '0').replace(/0+$/, '');
    return `${ns / size}${digits ? `.${digits}` : ''} ${unit}`;
  }
  return `${ns} ns`;
}
