/**
 * Everything about one verification that is not the state of a path: the program, its tables, what was learned per
 * instruction, explored states, counters, the log. One object per (program, profile); never shared.
 */
import type { Btf } from '../btf/types';
import type { Insn } from '../insn/insn';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import type { FeatureName } from '../spec/features';
import type { HelperPrototype, HelperRow } from '../spec/helpers';
import type { Profile } from '../spec/profile';
import type { FuncFrame } from './frame';
import type { LogSink } from './logSink';
import type { MapInfo } from './mapRules';
import { NotModelled, Rejection, type RejectionData } from './outcome';
import { knownScalar, type RegState } from './regState';
import type { SpecialFields } from '../btf/specialFields';
import type { LoopVisit } from './loopVisits';
import type { FastCalls } from './fastCalls';
import type { StaticLiveness } from './staticLiveness';
import type { Unprinted } from './unprinted';
import type { HistoryEntry, VerifierState } from './verifierState';

/** A subprogram as the verifier sees it; index 0 is the main program. */
export interface Subprog {
  readonly name: string;
  /** First slot, and one past the last. */
  readonly start: number;
  readonly end: number;
  readonly btfId: number;
  readonly linkage: 'static' | 'global' | 'extern';
  /** Deepest stack byte used, bytes. */
  stackDepth: number;
  hasTailCall: boolean;
  hasLdAbs: boolean;
  /** It, or something it calls, may move packet data. */
  changesPacket: boolean;
  isCallback: boolean;
  /** Arguments on the stack that its type says it takes, known from its first call on. */
  stackArgumentsIn: number;
  /** Most arguments on the stack that a walk through the function stored for its callees, and that those take. */
  /** The log has said which parameter does not fit. */
  misfitTold: boolean;
  stackArgumentsOut: number;
  stackArgumentsNeeded: number;
  /** A call had other arguments than its type says: from then on nobody goes by that. */
  typeUnreliable: boolean;
  isAsyncCallback: boolean;
  isExceptionCallback: boolean;
  /** An exception may be thrown in it, or in what it calls. */
  mayThrow: boolean;
  /** Global function: called from verified code (6.8+ verifies only those, lazily). */
  called: boolean;
}

/** What was learned of one instruction slot. */
export interface InsnAux {
  seen: boolean;
  prunePoint: boolean;
  jumpPoint: boolean;
  /** A jump leads here. */
  jumpTarget: boolean;
  forceCheckpoint: boolean;
  callsCallback: boolean;
  /** Asks an iterator for its next element. */
  iteratorNext: boolean;
  /** Map-related: which map an access went to, to refuse one instruction touching two kinds. */
  mapOfCall: MapSpec | null;
  /** Pointer type of the memory instruction, to refuse different types at one instruction. */
  pointerType: string;
  pointerClass: string;
  /** Its flags; -1 before the first access. */
  pointerFlags: number;
  /** Registers alive before the instruction, bit mask (static liveness). */
  liveRegsBefore: number;
  /** bpf_loop: every call here had zero flags and the same callback (-1 before the first), so the kernel inlines it. */
  loopInline: boolean;
  loopCallback: number;
  /** The instruction's immediate (of a wide one: what it loads, if that is always the same) as a value, made when first needed. */
  immediate: RegState | null;
  /**
   * The last sum, product … of two scalars here, or a narrowed value and what became of it. Registers are immutable: the same
   * operands give the same object, operands of the same values the same value.
   */
  aluDst: RegState | null;
  aluSrc: RegState | null;
  aluResult: RegState | null;
  /** The last undecided comparison of scalars here. */
  comparison: Comparison | null;
}

/** What a conditional jump whose outcome is open tells of its operands. */
export interface Comparison {
  readonly dst: RegState;
  readonly src: RegState;
  /** Whether the jump may not be taken, and whether it may: an outcome that leaves a range empty is impossible. */
  readonly canFall: boolean;
  readonly canJump: boolean;
  /** The operands where the jump is not taken, and where it is. */
  readonly fallsDst: RegState;
  readonly fallsSrc: RegState;
  readonly jumpsDst: RegState;
  readonly jumpsSrc: RegState;
}

/** A stored checkpoint and how useful it was. */
export interface ExploredState {
  readonly state: VerifierState;
  hits: number;
  misses: number;
  /** Where the last state that was compared with it was not covered (`stateEquality.ts`); -1 unknown. */
  differedAt: number;
}

/** The checkpoints of one instruction with the same call site of the innermost frame; they alone are compared. */
export interface CheckpointBucket {
  readonly callsite: number;
  readonly states: ExploredState[];
}

/** A path put aside. */
export interface PendingBranch {
  readonly state: VerifierState;
  readonly insnIdx: number;
  readonly prevInsnIdx: number;
  /** Length of the log when it was pushed (level 1 cuts the log back to it). */
  readonly logPos: number;
}

/** A helper that the program's type may call, with the prototype that holds for it. */
export interface CallableHelper {
  readonly row: HelperRow;
  readonly proto: HelperPrototype;
}

export interface VerifierEnv {
  readonly program: ProgramSpec;
  readonly object: ObjectSpec;
  readonly profile: Profile;
  readonly kernelBtf: Btf | undefined;
  /** CPUs that the kernel may have. */
  readonly possibleCpus: number;
  /** Of the program, but for jumps that newest kernels replace before the walk. */
  insns: readonly Insn[];
  readonly maps: readonly MapSpec[];
  readonly subprogs: readonly Subprog[];
  readonly aux: readonly InsnAux[];
  readonly features: FeatureFlags;
  /** BPF_F_STRICT_ALIGNMENT; off as on x86. */
  readonly strictAlignment: boolean;
  /** BPF_F_TEST_STATE_FREQ: a state is kept wherever one may be. */
  readonly testStateFreq: boolean;

  /** Callee of a helper that older kernels enter once its effects are done. */
  enterAfterCall: FuncFrame | null;
  /** State of the path being walked. */
  cur: VerifierState;
  insnIdx: number;
  prevInsnIdx: number;
  readonly pending: PendingBranch[];
  /** History entry of the current instruction, null before it has one. */
  curHistory: HistoryEntry | null;
  /** First access that the walk lets pass and that cannot be translated after it. */
  untranslatable: (RejectionData & { readonly insn: number }) | null;
  readonly fieldCache: Map<MapSpec, SpecialFields>;
  /** What is known of the maps asked for so far. */
  readonly mapInfos: Map<MapSpec, MapInfo>;
  /** Helpers that the program may call, by id, as far as it has called them. */
  readonly helpers: Map<number, CallableHelper>;
  /** Immediates of instructions as values. */
  readonly immediates: Map<number, RegState>;
  /** Spills around calls that are replaced; null where there are none. */
  fastCalls: FastCalls | null;
  /** Newer kernels: computed before the walk. */
  staticLiveness: StaticLiveness | null;
  /** Newer kernels: loops being explored, by the calls that lead there and their number. */
  readonly loopVisits: Map<string, LoopVisit>;
  /** Where indirect jumps may lead, by instruction; known once the program's shape was looked at. */
  readonly jumpTables: Map<number, readonly number[]>;
  /** Checkpoints by instruction and call site. */
  readonly explored: (CheckpointBucket[] | undefined)[];
  idGenerator: number;
  log: LogSink;
  /** What the log has yet to show. */
  readonly unprinted: Unprinted;
  /** Index of the source line last printed. */
  lastLine: number;

  processedInsns: number;
  prevInsnsProcessed: number;
  prevJumpsProcessed: number;
  totalStates: number;
  /** Most checkpoints that one prune point had to be compared with. */
  maxStatesPerInsn: number;
  peakStates: number;
  /** Newer kernels: states that exist now, `peakStates` being the most so far. */
  liveStates: number;
  jumpsProcessed: number;
  stateSerial: number;
  /** The program calls helpers that move packet data / seen so far. */
  seenDirectWrite: boolean;
  /** Global function being verified on its own, else -1. */
  verifyingSubprog: number;
}

/** Feature rows asked in hot code, looked up once. */
export type FeatureFlags = Readonly<Record<FeatureName, boolean>>;

/** Refuses the program. Never returns. */
export function reject(env: VerifierEnv, data: RejectionData): never {
  env.log.message(data.message);
  if (data.after !== undefined) env.log.message(data.after);
  throw new Rejection({ insn: env.insnIdx, ...data });
}

/** Ends with verdict `unknown`. `need` is a noun phrase: "kfunc bpf_foo", "dynptr arguments". Never returns. */
export function unknown(env: VerifierEnv, need: string): never {
  throw new NotModelled(need, env.insnIdx);
}

/**
 * The immediate of the current instruction, sign-extended. Registers are immutable, so one object serves all instructions
 * and paths.
 */
export function immediateOf(env: VerifierEnv, insn: Insn): RegState {
  const aux = env.aux[env.insnIdx];
  if (aux.immediate === null) {
    const known = env.immediates.get(insn.imm) ?? knownScalar(BigInt(insn.imm));
    env.immediates.set(insn.imm, known);
    aux.immediate = known;
  }
  return aux.immediate;
}

/** A fresh register / reference id. */
export const newId = (env: VerifierEnv): number => ++env.idGenerator;

export const hasFeature = (env: VerifierEnv, feature: FeatureName): boolean => env.features[feature];

/** Innermost frame of the current path. */
export const curFrame = (env: VerifierEnv): FuncFrame => env.cur.frames[env.cur.frames.length - 1];

/** Register `n` of the innermost frame. */
export const regOf = (env: VerifierEnv, n: number): RegState => curFrame(env).regs[n];

/** Replaces register `n` of the innermost frame (its liveness is not touched: see `checkRegArg`). */
export function setReg(env: VerifierEnv, n: number, reg: RegState): void {
  const frame = curFrame(env);
  frame.regs[n] = reg;
  env.unprinted.regs |= 1 << n;
}
