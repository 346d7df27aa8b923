/**
 * The shape of the program before any state is walked: subprograms, jumps that stay inside them, every instruction
 * reachable, and where states are worth comparing (prune points) or need remembering (jump points).
 */
import { resolvedType, typeById } from '../btf/query';
import type { Insn } from '../insn/insn';
import { helperById } from '../spec/helpers';
import { kfuncByName } from '../spec/kfuncs';
import { reject, type InsnAux, type VerifierEnv } from './env';
import { isIndirectJump, jumpTableAt } from './jumpTables';
import { EINVAL } from './outcome';
import {
  isAsyncCallbackCall,
  isHelperCall,
  isKfuncCall,
  isLocalCall,
  isSyncCallbackCall,
  kfuncAt,
} from './callKinds';

const CLASS_LD = 0;
const CLASS_JMP = 5;
const CLASS_JMP32 = 6;
const OP_JA = 0;
const OP_CALL = 8;
const OP_EXIT = 9;
const OP_MAY_GOTO = 14;
const SRC_REG = 0x08;
const LDDW = 0x18;
const PSEUDO_FUNC = 4;
const PSEUDO_CALL = 1;
const HELPER_TAIL_CALL = 12;

const structure = (env: VerifierEnv, insn: number, code: string, message: string): never =>
  reject(env, { code, category: 'Program Structure', errno: EINVAL, message, insn });

const isJumpClass = (code: number): boolean => (code & 7) === CLASS_JMP || (code & 7) === CLASS_JMP32;

/** Slot that a local call or a function address refers to. */
export function calleeOf(env: VerifierEnv, insnIdx: number): number {
  const reference = env.program.references.get(insnIdx);
  return reference?.kind === 'subprog' ? reference.target : insnIdx + env.insns[insnIdx].imm + 1;
}

/** Index of the subprogram that starts at `insnIdx`, -1 if none does. */
export const subprogAt = (env: VerifierEnv, insnIdx: number): number =>
  env.subprogs.findIndex((subprog) => subprog.start === insnIdx);

/** The call at `insnIdx` asks an iterator for its next element. */
function asksIterator(env: VerifierEnv, insnIdx: number): boolean {
  const name = kfuncAt(env, insnIdx);
  return name !== '' && kfuncByName(env.profile, name)?.flags.includes('iterNext') === true;
}

/** Index of the subprogram that contains `insnIdx`. */
export function subprogContaining(env: VerifierEnv, insnIdx: number): number {
  let found = 0;
  for (let i = 0; i < env.subprogs.length && env.subprogs[i].start <= insnIdx; i++) found = i;
  return found;
}

const isFunctionAddress = (env: VerifierEnv, i: number): boolean =>
  env.insns[i].code === LDDW && env.insns[i].src === PSEUDO_FUNC;

/** Jumps stay inside their subprogram, each of which ends with an exit or a jump. */
export function checkSubprogs(env: VerifierEnv): void {
  let current = 0;
  let subprog = env.subprogs[0];
  for (let i = 0; i < env.insns.length; i++) {
    const insn = env.insns[i];
    const op = insn.code >> 4;
    if (insn.code === 0x85 && insn.imm === HELPER_TAIL_CALL && insn.src !== PSEUDO_CALL)
      subprog.hasTailCall = true;
    if ((insn.code & 7) === CLASS_LD && ((insn.code & 0xe0) === 0x20 || (insn.code & 0xe0) === 0x40)) {
      subprog.hasLdAbs = true;
    }
    const indirect = env.features.indirectJumps && isIndirectJump(insn);
    if (isJumpClass(insn.code) && op !== OP_EXIT && op !== OP_CALL && !indirect) {
      const target = i + 1 + (insn.code === 0x06 ? insn.imm : insn.off);
      if (target < subprog.start || target >= subprog.end) {
        structure(env, i, 'jump-out-of-range', `jump out of range from insn ${i} to ${target}`);
      }
    }
    if (i === subprog.end - 1) {
      if (insn.code !== 0x95 && insn.code !== 0x06 && insn.code !== 0x05 && !indirect) {
        structure(env, i, 'falls-off-end', 'last insn is not an exit or jmp');
      }
      subprog = env.subprogs[++current];
    }
  }
}

type Edge = { readonly to: number; readonly branch: boolean; readonly loopOk: boolean };

/** An indirect jump may lead to every entry of its table; the kernel follows the last one first, and marks none but as jumped to. */
function indirectJump(env: VerifierEnv, t: number, aux: readonly InsnAux[]): Edge[] {
  if (!env.features.indirectJumps) structure(env, t, 'reserved-fields', 'BPF_JA uses reserved fields');
  const { start, end } = env.subprogs[subprogContaining(env, t)];
  const targets = jumpTableAt(env, t, start, end);
  aux[t].prunePoint = true;
  for (const target of targets) aux[target].jumpPoint = aux[target].jumpTarget = true;
  return targets.map((to) => ({ to, branch: false, loopOk: true })).reverse();
}

/** Where control may go from `t`, in the order in which the walk below follows; also sets the marks on `t` itself. */
function edgesOf(env: VerifierEnv, t: number, aux: readonly InsnAux[]): Edge[] {
  const insn = env.insns[t];
  const next = t + (insn.code === LDDW ? 2 : 1);
  const through: Edge = { to: next, branch: false, loopOk: false };
  if (isFunctionAddress(env, t)) {
    aux[t].prunePoint = true;
    return [through, { to: calleeOf(env, t), branch: true, loopOk: true }];
  }
  if (!isJumpClass(insn.code)) return [through];
  const op = insn.code >> 4;
  if (op === OP_EXIT) return [];
  if (op === OP_CALL) {
    if (isAsyncCallbackCall(env, t)) aux[t].prunePoint = true;
    if (env.features.callbacksIterated && isSyncCallbackCall(env, t)) {
      aux[t].callsCallback = true;
      aux[t].forceCheckpoint = true;
      aux[t].prunePoint = true;
      aux[t].jumpPoint = true;
    }
    // Loops over iterators converge at the call that asks for the next element.
    if (asksIterator(env, t)) {
      aux[t].iteratorNext = true;
      aux[t].prunePoint = true;
      aux[t].forceCheckpoint = true;
    }
    if (insn.src !== PSEUDO_CALL) return [through];
    aux[t].prunePoint = true;
    return [through, { to: calleeOf(env, t), branch: true, loopOk: false }];
  }
  if (op === OP_JA) {
    if ((insn.code & SRC_REG) !== 0) return indirectJump(env, t, aux);
    const to = t + 1 + ((insn.code & 7) === CLASS_JMP ? insn.off : insn.imm);
    return [{ to, branch: false, loopOk: true }];
  }
  aux[t].prunePoint = true;
  if (op === OP_MAY_GOTO && env.features.mayGoto) aux[t].forceCheckpoint = true;
  return [
    { to: t + 1, branch: false, loopOk: true },
    { to: t + 1 + insn.off, branch: true, loopOk: true },
  ];
}

const NEW = 0;
const OPEN = 1;
const DONE = 2;

/** Depth-first over all instructions: everything is reachable, loops are where the kernel allows them. */
export function checkCfg(env: VerifierEnv): void {
  const count = env.insns.length;
  const aux = env.aux;
  const status = new Uint8Array(count);
  const path: { readonly at: number; readonly edges: readonly Edge[]; next: number }[] = [];
  const open = (at: number): void => {
    status[at] = OPEN;
    path.push({ at, edges: edgesOf(env, at, aux), next: 0 });
  };
  // what catches exceptions is called by nobody
  const roots = [env.subprogs.find((subprog) => subprog.isExceptionCallback)?.start ?? -1, 0];
  for (;;) {
    if (path.length === 0) {
      const root = roots.pop() ?? -1;
      if (root < 0) break;
      open(root);
    }
    const top = path[path.length - 1];
    if (top.next === top.edges.length) {
      status[top.at] = DONE;
      path.pop();
      continue;
    }
    const edge = top.edges[top.next++];
    const { at } = top;
    if (edge.to < 0 || edge.to >= count) {
      structure(env, at, 'jump-out-of-range', `jump out of range from insn ${at} to ${edge.to}`);
    }
    // A plain step is worth no mark; jumps, branches and the return from a call are.
    const op = env.insns[at].code >> 4;
    const jumps = isJumpClass(env.insns[at].code);
    const plainJump = jumps && (op === OP_JA || op === OP_CALL) && !isIndirectJump(env.insns[at]);
    const marks = edge.branch || isFunctionAddress(env, at) || plainJump;
    if (marks) {
      aux[edge.to].prunePoint = true;
      aux[edge.to].jumpPoint = true;
      if (edge.branch || (jumps && op === OP_JA)) aux[edge.to].jumpTarget = true;
    }
    if (status[edge.to] === NEW) open(edge.to);
    else if (status[edge.to] === OPEN && !edge.loopOk && !env.features.backEdgesAllowed) {
      structure(env, at, 'back-edge', `back-edge from insn ${at} to ${edge.to}`);
    }
  }
  for (let i = 0; i < count; i++) {
    if (status[i] !== DONE) structure(env, i, 'unreachable-code', `unreachable insn ${i}`);
    if (env.insns[i].code === LDDW) {
      if (i + 1 < count && status[i + 1] !== NEW) {
        structure(env, i, 'jump-into-wide-load', `jump into the middle of ldimm64 insn ${i}`);
      }
      i++;
    }
  }
}

/** Packet loads and tail calls may leave a function with a number, so functions that have them must return one. */
export function checkAbnormalReturns(env: VerifierEnv): void {
  const { btf } = env.object;
  const withBtf = env.subprogs.some((subprog) => subprog.btfId !== 0);
  for (let i = 1; i < env.subprogs.length; i++) {
    const subprog = env.subprogs[i];
    if (!subprog.hasLdAbs && !subprog.hasTailCall) continue;
    const what = subprog.hasLdAbs ? 'LD_ABS' : 'tail_call';
    if (!withBtf || btf === undefined) {
      structure(env, subprog.start, 'abnormal-return', `${what} is not allowed in subprogs without BTF`);
      continue;
    }
    const func = typeById(btf, subprog.btfId);
    const proto = func.kind === 'func' ? typeById(btf, func.type) : undefined;
    const result = proto?.kind === 'funcProto' ? resolvedType(btf, proto.returnType) : undefined;
    if (result?.kind === 'enum' || (result?.kind === 'int' && result.sizeBytes <= 8)) continue;
    structure(
      env,
      subprog.start,
      'abnormal-return',
      `${what} is only allowed in functions that return 'int'.`,
    );
  }
}

/** Which functions may move packet data, directly or through what they call. */
export function findPacketChanges(env: VerifierEnv): void {
  const changes = (insn: Insn, slot: number): boolean => {
    if (isKfuncCall(insn))
      return kfuncByName(env.profile, kfuncAt(env, slot))?.flags.includes('changesPacket') === true;
    if (!isHelperCall(insn)) return false;
    if (insn.imm === HELPER_TAIL_CALL) return env.features.tailCallChangesPacket;
    return helperById(insn.imm)?.changesPacket === true;
  };
  for (let again = true; again;) {
    again = false;
    for (const subprog of env.subprogs) {
      if (subprog.changesPacket) continue;
      for (let i = subprog.start; i < subprog.end; i++) {
        const insn = env.insns[i];
        const callee = isLocalCall(insn) ? subprogAt(env, calleeOf(env, i)) : -1;
        if (!changes(insn, i) && (callee < 0 || !env.subprogs[callee].changesPacket)) continue;
        subprog.changesPacket = true;
        again = true;
        break;
      }
    }
  }
}

/**
 * Newest kernels order the call graph first, so a function that reaches itself by calls is refused at once.
 * @param reachable the instructions of each function that some jump leads to; a call among the others is none
 */
export function refuseRecursion(env: VerifierEnv, reachable: readonly (readonly number[])[]): void {
  if (!env.features.recursionRefused) return;
  const calls = reachable.map((insns) =>
    insns.filter((at) => isLocalCall(env.insns[at])).sort((a, b) => a - b),
  );
  const done = new Set<number>();
  const visit = (index: number, open: readonly number[]): void => {
    const subprog = env.subprogs[index];
    for (const i of calls[index]) {
      const callee = subprogAt(env, calleeOf(env, i));
      if (callee === index || open.includes(callee)) {
        structure(
          env,
          i,
          'recursion',
          `recursive call from ${subprog.name}() to ${env.subprogs[callee].name}()`,
        );
      }
      if (!done.has(callee)) visit(callee, [...open, index]);
    }
    done.add(index);
  };
  for (let index = 0; index < env.subprogs.length; index++) if (!done.has(index)) visit(index, []);
}
