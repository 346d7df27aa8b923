/**
 * Verifying one program for one profile. `Verification` runs in slices and can be dropped at any time; `verify` runs
 * it to the end. The order of phases is the kernel's: what refuses first decides the message.
 * Not here: building the program (loader), wording explanations (diagnose).
 */
import { checkArenaLoads } from './arenas';
import { checkUnusedStackArguments } from './stackArguments';
import type { Btf } from '../btf/types';
import type { ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import type { Profile } from '../spec/profile';
import { newState } from './branches';
import { analyseStatically } from './staticLiveness';
import { calleeOf, checkAbnormalReturns, checkCfg, checkSubprogs, findPacketChanges } from './cfg';
import { isKfuncCall, isLocalCall } from './callKinds';
import { reject, type Subprog, type VerifierEnv } from './env';
import { checkExceptionPrototype, findExceptionCallback, findThrowers } from './exceptions';
import { findFastCalls, removeSpills } from './fastCalls';
import { newFrame } from './frame';
import { checkFunctionRecords } from './functionRecords';
import { enterGlobalFunction } from './globalFunctions';
import { judgeMainPrototype, tellMisfit } from './globalPrototypes';
import { checkDeadCallbacks } from './deadFunctions';
import { checkDeadKfuncs, KfuncMentions } from './kfuncMentions';
import { checkLoadAttributes } from './loadAttributes';
import { Environment } from './environment';
import { E2BIG, EINVAL, NotModelled, Rejection } from './outcome';
import { checkLines, checkOpcodes } from './opcodeCheck';
import { RULES } from './rules';
import { checkTranslation } from './socketAccess';
import { checkStackDepth, depthsSoFar, reportedDepths } from './stackDepth';
import type { Diagnostic, Verdict, VerifierStats } from './verdict';
import { printAll } from './unprinted';
import { newWalk, walk, type WalkState } from './walk';
import { assert } from '../util/assert';

export interface VerifyOptions {
  /** The running kernel's BTF, for tracing programs, kfuncs, kernel variables. */
  readonly kernelBtf?: Btf;
  /** 0 none, 1 the path that failed, 2 every path. */
  readonly logLevel?: 0 | 1 | 2;
  /**
   * CPUs that the kernel may have, for the bounds of bpf_get_smp_processor_id. By default not one machine's count: an
   * index that is safe then is safe on every machine up to that size.
   */
  readonly possibleCpus?: number;
}

const LDDW = 0x18;
const PSEUDO_FUNC = 4;

type Phase = 'start' | 'main' | 'globals' | 'finish' | 'done';

export class Verification {
  private readonly env: VerifierEnv;
  private phase: Phase = 'start';
  private walking: WalkState | null = null;
  /** Global functions that were verified on their own. */
  private readonly verified = new Set<number>();
  private verdict: Verdict | null = null;

  constructor(
    private readonly program: ProgramSpec,
    object: ObjectSpec,
    private readonly profile: Profile,
    private readonly options: VerifyOptions = {},
  ) {
    this.env = new Environment(program, object, profile, options);
  }

  /** Runs up to `maxInsns` instructions; true when the verdict stands. */
  step(maxInsns: number): boolean {
    if (this.verdict !== null) return true;
    if (this.program.problem !== undefined) {
      this.verdict = {
        ...this.base(),
        verdict: 'error',
        errno: EINVAL,
        message: this.program.problem.message,
        problem: this.program.problem,
      };
      return true;
    }
    try {
      const refused = this.phase === 'start' ? RULES.objectProblem(this.env) : undefined;
      if (refused !== undefined) {
        this.verdict = { ...this.base(), verdict: 'error', ...refused };
        return true;
      }
      this.run(maxInsns);
    } catch (error) {
      if (error instanceof Rejection) this.verdict = this.rejected(error);
      else if (error instanceof NotModelled) {
        this.verdict = {
          ...this.base(),
          verdict: 'unknown',
          errno: 0,
          message: `needs ${error.need}, which is not modelled`,
          insn: error.insn,
        };
      } else throw error;
    }
    return this.verdict !== null;
  }

  result(): Verdict {
    assert(this.verdict !== null, 'the verification has not ended');
    return this.verdict;
  }

  private run(maxInsns: number): void {
    const { env } = this;
    const mainFirst = env.features.globalNamesInMessages;
    if (this.phase === 'start') {
      prepare(env);
      this.phase = mainFirst ? 'main' : 'globals';
    }
    if (this.phase === 'main' && this.walkFunction(0, maxInsns))
      this.phase = mainFirst ? 'globals' : 'finish';
    if (this.phase === 'globals') {
      const next = this.nextGlobal(mainFirst);
      if (next < 0) this.phase = mainFirst ? 'finish' : 'main';
      else if (this.walkFunction(next, maxInsns)) this.verified.add(next);
      return;
    }
    if (this.phase === 'finish') {
      env.log.insnEnd = -1;
      removeSpills(env);
      checkStackDepth(env);
      checkArenaLoads(env);
      checkUnusedStackArguments(env);
      checkDeadKfuncs(env);
      checkTranslation(env);
      checkDeadCallbacks(env);
      this.phase = 'done';
      this.verdict = { ...this.base(), verdict: 'accepted', errno: 0, message: '' };
    }
  }

  /** A global function still to be verified on its own; newer kernels do so only with those that are called. */
  private nextGlobal(calledOnly: boolean): number {
    return this.env.subprogs.findIndex(
      (subprog, i) =>
        i > 0 && subprog.linkage === 'global' && (!calledOnly || subprog.called) && !this.verified.has(i),
    );
  }

  private walkFunction(index: number, maxInsns: number): boolean {
    const { env } = this;
    if (this.walking === null) {
      this.walking = newWalk();
      startFunction(env, index);
    }
    if (!walk(env, this.walking, maxInsns)) return false;
    this.walking = null;
    if (env.log.level === 1) env.log.cutTo(0);
    if (index > 0 && env.log.level > 0) {
      env.log.message(
        env.features.globalNamesInMessages
          ? `Func#${index} ('${env.subprogs[index].name}') is safe for any args that match its prototype`
          : `Func#${index} is safe for any args that match its prototype`,
      );
    }
    return true;
  }

  private base(): Omit<Verdict, 'verdict' | 'errno' | 'message'> {
    // What is refused before the verifier begins leaves no log.
    const begun = this.phase !== 'start' || this.env.log.text().trim() !== '';
    const stats = { ...this.stats(), maxStatesPerInsn: this.env.maxStatesPerInsn };
    const log = this.options.logLevel ? (begun ? this.env.log.text() + statsText(stats) : '') : undefined;
    return {
      program: this.program.name,
      section: this.program.section,
      type: this.program.type,
      kernel: this.profile.name,
      basis: this.profile.basis,
      stats: this.stats(),
      ...(log === undefined ? {} : { log }),
    };
  }

  private stats(): VerifierStats {
    const { env } = this;
    return {
      processedInsns: env.processedInsns,
      totalStates: env.totalStates,
      peakStates: env.peakStates,
      // Functions that are never reached go with the dead code, which only accepted programs lose.
      stackDepth: this.phase === 'done' ? reportedDepths(env) : depthsSoFar(env),
    };
  }

  private rejected(rejection: Rejection): Verdict {
    const { data } = rejection;
    const diagnostic: Diagnostic | undefined = RULES.explain(this.env, rejection);
    const insn = data.insn ?? -1;
    return {
      ...this.base(),
      verdict: 'rejected',
      errno: data.errno,
      message: data.message,
      ...(insn >= 0 ? { insn } : {}),
      ...(diagnostic === undefined ? {} : { diagnostic }),
    };
  }
}

/** The statistics lines that end a kernel log. */
function statsText(stats: VerifierStats & { maxStatesPerInsn: number }): string {
  return `stack depth ${stats.stackDepth.join('+')}\nprocessed ${stats.processedInsns} insns (limit 1000000) max_states_per_insn ${stats.maxStatesPerInsn} total_states ${stats.totalStates} peak_states ${stats.peakStates} mark_read 0\n`;
}

/** Verifies to the end. */
export function verify(
  program: ProgramSpec,
  object: ObjectSpec,
  profile: Profile,
  options: VerifyOptions = {},
): Verdict {
  const verification = new Verification(program, object, profile, options);
  while (!verification.step(100_000));
  return verification.result();
}

/** Functions of one program, the main one among them. */
const MAX_SUBPROGS = 256;

/** Finds subprograms, checks the program's shape and what can be said before any walk. */
function prepare(env: VerifierEnv): void {
  const { insns } = env;
  checkLoadAttributes(env);
  RULES.checkProgramType(env);
  checkFunctionRecords(env, 'early');
  if (insns.length === 0) {
    reject(env, {
      code: 'empty-program',
      category: 'Program Structure',
      errno: EINVAL,
      message: '',
      insn: -1,
    });
  }
  const starts = new Set<number>([0]);
  const kfuncs = new KfuncMentions(env);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    if (isKfuncCall(insn)) kfuncs.check(i);
    if (!isLocalCall(insn) && !(insn.code === LDDW && insn.src === PSEUDO_FUNC)) continue;
    const target = calleeOf(env, i);
    if (target < 0 || target >= insns.length) {
      reject(env, {
        code: 'call-out-of-range',
        category: 'Program Structure',
        errno: EINVAL,
        message: 'call to invalid destination',
        insn: i,
      });
    }
    if (!starts.has(target) && starts.size >= MAX_SUBPROGS) {
      reject(env, {
        code: 'too-many-functions',
        category: 'Program Structure',
        errno: E2BIG,
        message: 'too many subprograms',
        insn: i,
      });
    }
    starts.add(target);
  }
  // A global function that nobody calls is one too: exceptions may lead there.
  if (env.features.exceptions) for (const func of env.program.functions) starts.add(func.insnIdx);
  const sorted = [...starts].sort((a, b) => a - b);
  const subprogs = env.subprogs as Subprog[];
  sorted.forEach((start, i) => {
    const spec = env.program.functions.find((func) => func.insnIdx === start);
    subprogs.push({
      name: spec?.name ?? `func#${i}`,
      start,
      end: i + 1 < sorted.length ? sorted[i + 1] : insns.length,
      btfId: spec?.btfId ?? 0,
      linkage: spec?.linkage ?? 'static',
      stackDepth: 0,
      hasTailCall: false,
      hasLdAbs: false,
      changesPacket: false,
      isCallback: false,
      isAsyncCallback: false,
      isExceptionCallback: false,
      mayThrow: false,
      stackArgumentsIn: 0,
      misfitTold: false,
      stackArgumentsOut: 0,
      stackArgumentsNeeded: 0,
      typeUnreliable: false,
      called: false,
    });
  });
  if (env.log.level === 2) subprogs.forEach((subprog, i) => env.log.message(`func#${i} @${subprog.start}`));
  findExceptionCallback(env);
  checkSubprogs(env);
  checkAbnormalReturns(env);
  checkFunctionRecords(env, 'late');
  checkLines(env);
  if (!env.features.attachmentCheckedLate) RULES.checkAttachment(env);
  checkOpcodes(env, RULES.namedMapCheck(env));
  checkCfg(env);
  if (env.features.attachmentCheckedLate) RULES.checkAttachment(env);
  findPacketChanges(env);
  if (env.features.staticLiveness) analyseStatically(env);
  if (env.features.fastCalls) env.fastCalls = findFastCalls(env);
  findThrowers(env);
}

/** The state at the start of the main program or of a global function. */
function startFunction(env: VerifierEnv, index: number): void {
  const frame = newFrame(-1, 0, index);
  env.explored.fill(undefined);
  env.loopVisits.clear();
  env.liveStates = 0;
  env.pending.length = 0;
  env.cur = newState(env, frame);
  env.cur.firstInsnIdx = env.subprogs[index].start;
  env.cur.lastInsnIdx = -1;
  env.cur.inSleepable = env.program.sleepable;
  env.insnIdx = env.subprogs[index].start;
  env.verifyingSubprog = index === 0 ? -1 : index;
  env.lastLine = -1;
  printAll(env.unprinted);
  if (index === 0) {
    frame.regs[1] = RULES.contextRegister(env);
    RULES.ownArguments(env);
    if (env.log.level > 0) judgeMainPrototype(env);
    tellMisfit(env, 0, frame);
    return;
  }
  if (env.features.globalNamesInMessages || env.log.level > 0) {
    env.log.message(`Validating ${env.subprogs[index].name}() func#${index}...`);
  }
  enterGlobalFunction(env, frame, index);
  if (!env.subprogs[index].isExceptionCallback) return;
  frame.inExceptionCallback = true;
  checkExceptionPrototype(env, index);
}
