/** The verifier's own path as a `Way`: names come from the object, the map arguments from the instructions before a call. */
import { helperById } from '../../spec/helpers';
import { isHelperCall, isKfuncCall, kfuncAt } from '../callKinds';
import type { VerifierEnv } from '../env';
import type { PathStep } from '../provenance';
import { functionAt, sourceText } from './names';
import type { Way } from './way';

const CLASS = 7;
const ST = 2;
const STX = 3;
const JMP = 5;
const JMP32 = 6;
const CALL = 0x85;
const LDDW = 0x18;
const MOV_REGISTER = 0xbf;
/** How far before a call its map argument is looked for. */
const NEAR = 64;

/** Name of the helper or kernel function called at a slot; '' for functions of the program. */
export function calleeAt(env: VerifierEnv, slot: number): string {
  const insn = env.insns[slot];
  if (isHelperCall(insn)) return helperById(insn.imm)?.name ?? '';
  return isKfuncCall(insn) ? kfuncAt(env, slot) : '';
}

/** The map that an instruction near the call put into a register, by looking back along the path. */
function mapArgument(env: VerifierEnv, path: readonly PathStep[], at: number, reg: number): string {
  let wanted = reg;
  for (let n = at - 1; n >= 0 && n > at - NEAR; n--) {
    const { insnIdx } = path[n];
    const insn = env.insns[insnIdx];
    const cls = insn.code & CLASS;
    if (insn.code === CALL && wanted <= 5) return '';
    if (insn.dst !== wanted || cls === ST || cls === STX || cls === JMP || cls === JMP32) continue;
    if (insn.code === MOV_REGISTER) wanted = insn.src;
    else if (insn.code === LDDW) {
      const reference = env.program.references.get(insnIdx);
      return reference?.kind === 'map' ? env.maps[reference.map].name : '';
    } else return '';
  }
  return '';
}

/** The path that was walked to the refused instruction. */
export function wayOf(env: VerifierEnv, path: readonly PathStep[]): Way {
  return {
    steps: path.map((step) => ({ ...step, insn: env.insns[step.insnIdx] })),
    source: (n) => sourceText(env, path[n].insnIdx),
    callee: (n) => calleeAt(env, path[n].insnIdx),
    mapArgument: (n, reg) => mapArgument(env, path, n, reg),
    constant: (n) => {
      const reference = env.program.references.get(path[n].insnIdx);
      switch (reference?.kind) {
        case 'map':
          return `this is map '${env.maps[reference.map].name}'`;
        case 'mapValue':
          return `this is in global data ('${env.maps[reference.map].name}')`;
        case 'subprog':
          return `this is ${reference.name}()`;
        case 'ksym':
          return `this is the kernel's ${reference.name}`;
        default:
          return undefined;
      }
    },
    functionAt: (n) => `${functionAt(env, path[n].insnIdx)}()`,
  };
}
