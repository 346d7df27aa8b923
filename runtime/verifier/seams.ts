/**
 * The seam between the engine (how states are explored, what ALU and jumps do) and the rules (what memory accesses,
 * helper calls, maps, contexts, returns must satisfy). The engine calls `RULES`, the rules call the engine's services
 * listed below. A rule that is not written yet answers `unknown`, it never lets pass.
 *
 * Services for rules, by file:
 *  - env.ts: reject, unknown, regOf, setReg, curFrame, newId; outcome.ts: errno numbers
 *  - regArgs.ts: checkRegArg(env, n, 'src' | 'dst' | 'dstNoMark') reads/writes a register incl. liveness;
 *    clearCallerSaved(env) makes R0–R5 unreadable
 *  - stackAccess.ts: readStack, writeStack (exact and variable offsets, with value registers),
 *    checkStackRange (a helper reads or writes a stretch)
 *  - precision.ts: markPrecise(env, n) — the scalar's exact value mattered
 *  - callStack.ts: pushAsyncCallback, enterCallback (bpf_loop & co.)
 *  - references.ts: acquireReference, releaseReference
 *  - regText.ts: regTypeName(reg) as kernel messages spell it
 *  - provenance.ts: pathTo(env) — the instructions walked up to here with branches taken
 */
import type { Insn } from '../insn/insn';
import type { VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import type { MapRefusal } from './mapCreation';
import type { Rejection } from './outcome';
import type { RegState } from './regState';
import type { Diagnostic } from './verdict';

/** Made with all fields in this order: so all have one layout for the engine. */
export interface MemAccess {
  readonly insnIdx: number;
  /** Register that holds the address. */
  readonly regno: number;
  readonly off: number;
  readonly sizeBytes: 1 | 2 | 4 | 8;
  readonly kind: 'read' | 'write';
  /** Register loaded into or stored from; -1 for constants stored and for atomics' checks. */
  readonly valueRegno: number;
  /** Sign-extending load. */
  readonly signExtend: boolean;
  /** Constant being stored (`st`), when valueRegno is -1 and the instruction is one. */
  readonly immediate: number | undefined;
  /** Atomic operations demand natural alignment whatever the architecture. */
  readonly strictAlignment: boolean;
}

export interface Rules {
  /** Why libbpf cannot load any program of the object (verdict `error`), beyond what the loader found. */
  objectProblem(env: VerifierEnv): MapRefusal | undefined;
  /** Before the walk: program type and attach point known, maps usable with it, licence. Rejects or answers unknown. */
  checkProgramType(env: VerifierEnv): void;
  checkAttachment(env: VerifierEnv): void;
  namedMapCheck(env: VerifierEnv): (slot: number) => void;
  /** R1 of the main program at entry. */
  contextRegister(env: VerifierEnv): RegState;
  /** What the main program owns from the beginning. */
  ownArguments(env: VerifierEnv): void;
  /**
   * One load or store: bounds, alignment, permissions; for loads sets the value register's new state (the engine has
   * checked that the address and stored registers are readable, and marks the destination as written).
   */
  checkMemAccess(env: VerifierEnv, access: MemAccess): void;
  /** A helper call by id in insn.imm: arguments, side effects, R0, references, callbacks. */
  checkHelperCall(env: VerifierEnv, insnIdx: number, insn: Insn): void;
  checkKfuncCall(env: VerifierEnv, insnIdx: number, insn: Insn): void;
  /**
   * An argument of a global subprogram that wants memory: `sizeBytes` accessible behind register `regno`.
   */
  checkGlobalMemArg(env: VerifierEnv, regno: number, sizeBytes: number): void;
  /** R0 at the exit of the main program or of a callback frame. */
  checkReturnValue(env: VerifierEnv, frame: FuncFrame, regno: number): void;
  explain(env: VerifierEnv, rejection: Rejection): Diagnostic | undefined;
}
