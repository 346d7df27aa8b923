/**
 * Newer kernels' bookkeeping of loops whose exploration is open. Entering a loop (by the calls that lead there and its number)
 * with a checkpoint opens a visit; a path that is covered by a state inside it is kept as a back edge, because what that state
 * still learns to be precise must reach the path's ancestors, too. When the visit's first state is done, precision is carried
 * along the back edges until nothing changes; until then states in the loop are compared strictly.
 */
import { forceAllPrecise } from './backtrack';
import { copyState } from './branches';
import type { VerifierEnv } from './env';
import { carryPrecision } from './precision';
import { frameInsn } from './staticLiveness';
import type { VerifierState } from './verifierState';

interface BackEdge {
  /** The path as it was when it was covered. */
  readonly state: VerifierState;
  readonly coveredBy: VerifierState;
}

export interface LoopVisit {
  entry: VerifierState | null;
  backEdges: BackEdge[];
}

/** So often is precision carried around; then every scalar counts as precise. */
const MAX_ROUNDS = 64;

/** Names the outermost loop that the state is in, with the call sites that lead there; '' when it is in none. */
function visitKey(env: VerifierEnv, state: VerifierState): string {
  const loops = env.staticLiveness?.loops;
  if (loops === undefined) return '';
  let key = '';
  for (let n = 0; n < state.frames.length; n++) {
    const at = frameInsn(state, n, state.insnIdx);
    const loop = loops[at];
    if (loop !== 0) return `${key}#${loop}`;
    key += `${at},`;
  }
  return '';
}

/** A new checkpoint: the first one in a loop is where its visit ends. */
export function enterLoop(env: VerifierEnv, checkpoint: VerifierState): void {
  const key = visitKey(env, checkpoint);
  if (key === '') return;
  let visit = env.loopVisits.get(key);
  if (visit === undefined) {
    visit = { entry: null, backEdges: [] };
    env.loopVisits.set(key, visit);
  }
  if (visit.entry !== null) return;
  visit.entry = checkpoint;
  logLoop(env, 'enter', key);
}

/** A call by instruction 0 ends the list of calls, as kernels keep it. */
function loopName(key: string): string {
  const [calls, loop] = key.split('#');
  const sites = calls.split(',').slice(0, -1);
  const end = sites.indexOf('0');
  return [...(end < 0 ? sites : sites.slice(0, end)), loop].join(',');
}

/** Names the loop as kernels do: the call sites that lead there, then its number. */
function logLoop(env: VerifierEnv, what: string, key: string): void {
  if (env.log.level === 2 && env.features.logShowsLinks) env.log.message(`SCC ${what} (${loopName(key)})`);
}

/** Not all paths through the loop around `state` are explored. */
export function inOpenLoop(env: VerifierEnv, state: VerifierState): boolean {
  const key = visitKey(env, state);
  return key !== '' && (env.loopVisits.get(key)?.backEdges.length ?? 0) > 0;
}

/** The current path is covered by `coveredBy`, inside a loop whose exploration is open. */
export function keepBackEdge(env: VerifierEnv, coveredBy: VerifierState): void {
  const state = copyState(env, env.cur);
  state.insnIdx = env.insnIdx;
  const key = visitKey(env, coveredBy);
  env.loopVisits.get(key)?.backEdges.unshift({ state, coveredBy });
  logLoop(env, 'backedge', key);
  countStates(env, 1);
}

/** One state more or less is kept. */
export function countStates(env: VerifierEnv, by: number): void {
  env.liveStates += by;
  env.peakStates = Math.max(env.peakStates, env.liveStates);
}

/** A retired checkpoint goes when nothing needs it. */
export function maybeDrop(env: VerifierEnv, state: VerifierState): void {
  if (!state.retired || state.branches > 0 || inOpenLoop(env, state)) return;
  state.retired = false;
  env.liveStates--;
}

/** All paths from `state` have ended. */
export function leaveLoop(env: VerifierEnv, state: VerifierState): void {
  const visit = env.loopVisits.get(visitKey(env, state));
  if (visit?.entry !== state) return;
  visit.entry = null;
  logLoop(env, 'exit', visitKey(env, state));
  const { backEdges } = visit;
  for (let round = 1, changed = backEdges.length > 0; changed; round++) {
    if (round > MAX_ROUNDS) {
      for (const edge of backEdges) forceAllPrecise(edge.state);
      break;
    }
    changed = false;
    for (const edge of backEdges) changed = carryPrecision(env, edge.coveredBy, edge.state) || changed;
  }
  env.liveStates -= backEdges.length;
  visit.backEdges = [];
}
