/**
 * What is asked of every kernel function that a program mentions, before any walk and whether a path reaches the call or
 * not: is there such a function, can a call of it be made at all. Calls of number 0 may stay until it is known that they are dead.
 * Evidence: programs `kernel_function_*` of test/fixtures/rulebook/raw.json.
 */
import { resolvedType } from '../btf/query';
import type { Btf, BtfType } from '../btf/types';
import { kfuncByName } from '../spec/kfuncs';
import { isKfuncCall, kfuncAt } from './callKinds';
import { hasFeature, reject, type VerifierEnv } from './env';
import { isGplCompatible } from './licences';
import { E2BIG, EINVAL, EPROTO } from './outcome';
import { kindWord } from './typeText';

const MAX_FUNCTIONS = 256;
const MAX_ARGUMENTS = 12;
const LARGEST_ARGUMENT_BYTES = 16;

/** Functions mentioned so far: a second mention is not looked at again. */
export class KfuncMentions {
  private readonly seen = new Set<number>();

  constructor(private readonly env: VerifierEnv) {}

  check(slot: number): void {
    const { env } = this;
    const { imm, off } = env.insns[slot];
    const refuse = (message: string, code = 'no-such-kfunc', errno = EINVAL): never =>
      reject(env, { code, category: 'Execution Context Safety', errno, message, insn: -1 });
    if (!isGplCompatible(env.object.license))
      refuse('cannot call kernel function from non-GPL compatible program', 'kfunc-needs-gpl');
    if (imm === 0 && off === 0) return;
    if (imm <= 0 && env.features.kfuncNumbersChecked) refuse(`invalid kernel function btf_id ${imm}`);
    // a bare program brings no modules along
    if (env.object.bare === true && off !== 0) {
      const negative = off < 0;
      env.log.message(
        negative
          ? 'negative offset disallowed for kernel module function call'
          : 'kfunc offset > 0 without fd_array is invalid',
      );
      refuse('failed to find BTF for kernel function', 'no-such-kfunc', negative ? EINVAL : EPROTO);
    }
    if (this.seen.has(imm)) return;
    if (this.seen.size === MAX_FUNCTIONS)
      refuse('too many different kernel function calls', 'too-many-functions', E2BIG);
    this.seen.add(imm);
    const btf = env.kernelBtf;
    if (btf === undefined) return;
    if (imm < 0 && hasFeature(env, 'negativeKfuncText'))
      return refuse(`invalid kernel function btf_id ${imm}`);
    const func = env.object.bare === true && imm >= (btf.modulesFrom ?? imm + 1) ? undefined : btf.types[imm];
    if (func?.kind !== 'func') return refuse(`kernel btf_id ${imm >>> 0} is not a function`);
    const proto = btf.types[func.type];
    if (proto?.kind !== 'funcProto')
      return refuse(`kernel function btf_id ${imm >>> 0} does not have a valid func_proto`);
    if (kfuncByName(env.profile, kfuncAt(env, slot))?.flags.includes('deviceBound') === true)
      refuse('metadata kfuncs require device-bound program', 'kfunc-not-for-program');
    const wrong = callProblem(btf, func.name, proto);
    if (wrong !== undefined) refuse(wrong, 'no-such-kfunc');
  }
}

/** Why a function with that prototype cannot be called from a program. */
function callProblem(
  btf: Btf,
  name: string,
  proto: Extract<BtfType, { kind: 'funcProto' }>,
): string | undefined {
  const { params, returnType } = proto;
  if (params.length > MAX_ARGUMENTS) return `The function ${name} has ${params.length} arguments. Too many.`;
  const returned = passedBytes(btf, returnType);
  const returnKind = resolvedType(btf, returnType);
  if (returned === undefined || returnKind.kind === 'struct')
    return `The function ${name} return type ${kindWord(returnKind)} is unsupported.`;
  for (const [i, { type }] of params.entries()) {
    if (type === 0 && i === params.length - 1)
      return `The function ${name} with variable args is unsupported.`;
    const bytes = passedBytes(btf, type);
    if (bytes === undefined || bytes > LARGEST_ARGUMENT_BYTES)
      return `The function ${name} arg${i} type ${kindWord(resolvedType(btf, type))} is unsupported.`;
    if (bytes === 0) return `The function ${name} has malformed void argument.`;
  }
  return undefined;
}

/** Bytes that a value of the type takes when it is passed; 0 for none, undefined for what cannot be passed. */
function passedBytes(btf: Btf, typeId: number): number | undefined {
  const type = resolvedType(btf, typeId);
  switch (type.kind) {
    case 'void':
      return 0;
    case 'ptr':
      return 8;
    case 'int':
    case 'enum':
    case 'struct':
      return type.sizeBytes;
    default:
      return undefined;
  }
}

/** Calls of number 0 that some path reached. */
export function checkDeadKfuncs(env: VerifierEnv): void {
  env.insns.forEach((insn, slot) => {
    if (!isKfuncCall(insn) || insn.imm !== 0 || !env.aux[slot].seen) return;
    reject(env, {
      code: 'no-such-kfunc',
      category: 'Execution Context Safety',
      errno: EINVAL,
      message: 'invalid kernel function call not eliminated in verifier pass',
      insn: -1,
    });
  });
}
