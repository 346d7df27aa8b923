/** The last words of a run, for the console: how far it came, what the programs returned, what the timers did. */
import type { DebugStop } from '../runtime/debug/debugger';
import type { Debuggee } from '../runtime/debug/launch';
import { formatDuration } from '../runtime/debug/timeText';

export function summaryOf(debuggee: Debuggee, stop: DebugStop): string {
  const { target } = debuggee.debug;
  const lines = [
    `The run ended after ${formatDuration(target.nowNs())} of virtual time: ${stop.message ?? 'done'}.`,
  ];
  for (const [program, { count, last }] of debuggee.returns)
    lines.push(`  ${program} returned ${last}${count > 1 ? ` (last of ${count} runs)` : ''}`);
  const timers = target.timers();
  for (const timer of timers.slice(0, 20))
    lines.push(
      `  timer ${timer.label}: ${timer.state}, fired ${timer.fires === 1 ? 'once' : `${timer.fires} times`}`,
    );
  if (timers.length > 20) lines.push(`  … and ${timers.length - 20} more timers`);
  if (!debuggee.everStopped)
    lines.push('  No breakpoint was hit: set one in a timer callback and start again.');
  return lines.join('\n');
}
