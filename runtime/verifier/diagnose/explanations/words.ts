/** What rows of explanations are made of. */
import type { RejectionData } from '../../outcome';
import type { Named } from '../names';

/** What a refusal means for the program, and a way out; the suggestion is '' where there is none in general. */
export interface Explanation {
  readonly reason: string;
  readonly suggestion: string;
}

/** What a row may look at. */
export interface Scene {
  readonly env: Named;
  readonly data: RejectionData;
  /** Slot of the refused instruction; -1 when refused before the walk. */
  readonly insn: number;
  /** What the first refused register holds, in words; '' if none. */
  readonly what: string;
  readonly fact: (name: string) => string;
}

/** What to say of a refusal, from its scene. */
export type Row = (scene: Scene) => Explanation;

/** A row of fixed words, or of words that name what the scene holds. */
export const row =
  (reason: string | ((s: Scene) => string), suggestion: string | ((s: Scene) => string)): Row =>
  (scene) => ({
    reason: typeof reason === 'string' ? reason : reason(scene),
    suggestion: typeof suggestion === 'string' ? suggestion : suggestion(scene),
  });

/** Why what was a pointer is none any more. */
export const gone = (s: Scene): string => (s.fact('gone') === '' ? '' : ` ${s.fact('gone')}`);
/** What a number is, where it is bounded. */
export const valued = (s: Scene): string =>
  s.fact('range').startsWith('between') ? `: it is ${s.fact('range')}` : '';
