/** What the Timers view and its page say to each other. */
import type { AsOf, TimerRow } from '../../runtime/protocol/debugMessages';

/** From the view to the page. */
export type TimersViewMessage =
  | { readonly type: 'noSession' }
  | { readonly type: 'timers'; readonly asOf: AsOf; readonly timers: readonly TimerRow[] };

/** From the page to the view. */
export type TimersPageMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'open'; readonly path: string; readonly line: number; readonly column: number };
