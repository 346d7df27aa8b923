/**
 * What each refusal means for the user's program, and what to do: one row per code of the rule book, in files by topic. Rows speak
 * of maps, fields and functions by name where the refusal recorded them; they never repeat the kernel's message.
 */
import { byMessage } from './explanations/byMessage';
import { CALL_EXPLANATIONS } from './explanations/calls';
import { CONTROL_FLOW_EXPLANATIONS } from './explanations/controlFlow';
import { DYNPTR_EXPLANATIONS } from './explanations/dynptrs';
import { LOADING_EXPLANATIONS } from './explanations/loading';
import { MEMORY_EXPLANATIONS } from './explanations/memory';
import { SECTION_EXPLANATIONS } from './explanations/sections';
import { SPECIAL_FIELD_EXPLANATIONS } from './explanations/specialFields';
import { STRUCTURE_EXPLANATIONS } from './explanations/structure';
import type { Explanation, Row, Scene } from './explanations/words';

export type { Explanation, Scene } from './explanations/words';

/** By code. */
export const EXPLANATIONS: Readonly<Record<string, Row>> = {
  ...MEMORY_EXPLANATIONS,
  ...CALL_EXPLANATIONS,
  ...SPECIAL_FIELD_EXPLANATIONS,
  ...DYNPTR_EXPLANATIONS,
  ...SECTION_EXPLANATIONS,
  ...CONTROL_FLOW_EXPLANATIONS,
  ...LOADING_EXPLANATIONS,
  ...STRUCTURE_EXPLANATIONS,
};

/** What a refusal means and what to do about it. */
export function explanationOf(scene: Scene): Explanation {
  const row = EXPLANATIONS[scene.data.code] as Row | undefined;
  return byMessage(scene) ?? (row ?? generic)(scene);
}

/** For codes without a row: what can be said in general. */
export function generic(scene: Scene): Explanation {
  return {
    reason:
      scene.what === ''
        ? 'The kernel refuses this instruction.'
        : `The kernel refuses this use of ${scene.what}.`,
    suggestion: '',
  };
}
