/** Timers for people: one line each, and the words for flags and remaining time. */
import type { TimerView } from '../machine/types';
import { formatDuration } from './timeText';

/** `in 93.2 ms`, `due`, '' when not armed. */
export function expiresIn(nowNs: bigint, timer: TimerView): string {
  if (timer.expiresNs === undefined) return '';
  return timer.expiresNs <= nowNs ? 'due' : `in ${formatDuration(timer.expiresNs - nowNs)}`;
}

/** Flags of the last bpf_timer_start. */
export function flagsText(flags: number): string {
  const names: string[] = [];
  if ((flags & 1) !== 0) names.push('ABS');
  if ((flags & 2) !== 0) names.push('CPU_PIN');
  const rest = flags & ~3;
  if (rest !== 0) names.push('0x' + rest.toString(16));
  return names.join('|');
}

/** `armed, on_beat in 93.2 ms on cpu0, fired 3 times`. */
export function timerText(nowNs: bigint, timer: TimerView): string {
  const parts: string[] = [timer.state];
  const when = expiresIn(nowNs, timer);
  const callback = timer.callback?.functionName;
  if (callback !== undefined || when !== '')
    parts.push([callback, when, when === '' ? '' : `on cpu${timer.cpu}`].filter((p) => p).join(' '));
  if (timer.fires > 0) parts.push(`fired ${timer.fires === 1 ? 'once' : `${timer.fires} times`}`);
  return parts.join(', ');
}
