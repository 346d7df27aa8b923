/**
 * What verifying one program for one profile yields: plain data. Text is made from it last.
 * Shapes follow the command line's JSON (`verify`), which is stable.
 */
import type { Profile } from '../spec/profile';
import type { Problem } from '../util/problem';

export interface Verdict {
  readonly program: string;
  readonly section: string;
  /** BPF_PROG_TYPE_… */
  readonly type: string;
  /** Profile name, e.g. `6.12`. */
  readonly kernel: string;
  readonly basis: 'measured' | 'facts';
  /**
   * accepted / rejected: what that kernel says. error: cannot be handed to a kernel at all.
   * unknown: needs something this verifier does not model; `message` names it. Never a guess.
   */
  readonly verdict: 'accepted' | 'rejected' | 'error' | 'unknown';
  /** Positive errno of the load, 0 when accepted. */
  readonly errno: number;
  /** The kernel's final message; '' when accepted. */
  readonly message: string;
  /** Slot of the instruction that was refused, when one was. */
  readonly insn?: number;
  readonly diagnostic?: Diagnostic;
  readonly stats: VerifierStats;
  /** Kernel-format log when one was asked for. */
  readonly log?: string;
  /** For `error`: the loader's problem. */
  readonly problem?: Problem;
}

export interface VerifierStats {
  readonly processedInsns: number;
  readonly totalStates: number;
  readonly peakStates: number;
  /** Stack bytes of the main program and then of each subprogram, as the kernel's `stack depth` line lists them. */
  readonly stackDepth: readonly number[];
}

export const NO_STATS: VerifierStats = { processedInsns: 0, totalStates: 0, peakStates: 0, stackDepth: [] };

/** The answer for what no verifier saw: `problem` says why. */
export const errorVerdict = (
  program: { readonly name: string; readonly section: string; readonly type: string },
  profile: Profile,
  errno: number,
  problem: Problem,
): Verdict => ({
  program: program.name,
  section: program.section,
  type: program.type,
  kernel: profile.name,
  basis: profile.basis,
  verdict: 'error',
  errno,
  message: problem.message,
  stats: NO_STATS,
  problem,
});

/** The seven categories of Linux 7.3's report. */
export type DiagnosticCategory =
  | 'Register Type Safety'
  | 'Memory Safety'
  | 'Resource Lifetime Safety'
  | 'Call Type Safety'
  | 'Execution Context Safety'
  | 'Program Structure'
  | 'Policy';

export interface Diagnostic {
  readonly category: DiagnosticCategory;
  /** Kebab-case word from the rule book, e.g. `timer-map-mismatch`. */
  readonly code: string;
  readonly insn: number;
  /** Registers that the refusal is about, 0–10. */
  readonly registers: readonly number[];
  /** The kernel's message in the profile's words. */
  readonly message: string;
  /** Why, in our words: one or two sentences about the user's program. */
  readonly reason: string;
  /** How the program got there, oldest first. */
  readonly causalPath: readonly CausalStep[];
  /** What to do, one sentence; '' when nothing general can be said. */
  readonly suggestion: string;
}

export interface CausalStep {
  readonly insn: number;
  /** e.g. "the lookup result may be NULL here", "branch taken: i < 16 is false". */
  readonly text: string;
}
