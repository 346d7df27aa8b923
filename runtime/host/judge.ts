/**
 * Judges one object on several kernels: bytes in, reports out. It is what a worker runs and what runs inline when there is
 * no worker; nothing in it knows which. Kernel type information is read only when the object or a program asks for it.
 */
import type { ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import { ERRNO } from '../spec/errno';
import { findProfile, type Profile } from '../spec/profile';
import { fail, ok, type Problem, type Result } from '../util/problem';
import { refusedMap } from '../verifier/mapCreation';
import { Verification } from '../verifier/verify';
import { errorVerdict, type Verdict } from '../verifier/verdict';
import { reportsOf, type ProgramReport } from '../ide/verdictReport';
import type { KernelBtfChoice } from './kernelBtf';
import { internalErrorVerdict } from './internalError';
import { lazyKernelBtf, loadFor } from './loadFor';

export interface JudgeRequest {
  /** Path for messages and names of data maps. */
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Profile names. */
  readonly kernels: readonly string[];
  /** Only this program. */
  readonly program?: string;
  readonly logLevel: 0 | 1 | 2;
  readonly relaxed: boolean;
  readonly btf: KernelBtfChoice;
  /** CPUs that the machine may have; see the verifier's option of that name. */
  readonly possibleCpus?: number;
}

export interface Judgement {
  readonly programs: readonly ProgramReport[];
  readonly warnings: readonly Problem[];
  /** Wall-clock time per program and kernel, in the order of `programs`; for `--timings` only. */
  readonly timesMs: readonly number[];
}

/** Instructions between two looks at `cancelled`. */
const SLICE_INSNS = 20_000;

export type CancelCheck = () => boolean;

/** @returns the object's problem when it cannot be loaded at all. `undefined` when cancelled. */
export function judge(
  request: JudgeRequest,
  cancelled: CancelCheck = () => false,
): Result<Judgement> | undefined {
  const programs: ProgramReport[] = [];
  const timesMs: number[] = [];
  let warnings: readonly Problem[] = [];
  for (const kernel of request.kernels) {
    const profile = findProfile(kernel);
    if (!profile) return fail({ code: 'unknown-kernel', message: `there is no kernel profile "${kernel}"` });
    const object = loadFor(request, profile);
    if (!object.ok) return object;
    warnings = object.value.warnings;
    const wanted = object.value.programs.filter(
      (program) => request.program === undefined || program.name === request.program,
    );
    if (wanted.length === 0) return fail(nothingToJudge(request, object.value));
    for (const program of wanted) {
      const from = performance.now();
      const verdict = verdictOf(program, object.value, profile, request, cancelled);
      if (verdict === undefined) return undefined;
      programs.push(...reportsOf(object.value, [verdict]));
      timesMs.push(performance.now() - from);
    }
  }
  return ok({ programs, warnings, timesMs });
}

function nothingToJudge(request: JudgeRequest, object: ObjectSpec): Problem {
  const names = object.programs.map((program) => program.name).join(', ');
  return request.program !== undefined && names !== ''
    ? {
        code: 'program-missing',
        message: `${request.file}: there is no program "${request.program}"`,
        place: { file: request.file },
        remedy: `It has: ${names}.`,
      }
    : {
        code: 'no-programs',
        message: `${request.file}: holds no BPF program`,
        place: { file: request.file },
        remedy: 'Give each entry function a section, e.g. SEC("xdp").',
      };
}

function verdictOf(
  program: ProgramSpec,
  object: ObjectSpec,
  profile: Profile,
  request: JudgeRequest,
  cancelled: CancelCheck,
): Verdict | undefined {
  const refused = refusedMap(object, profile, program);
  const problem = program.problem ?? refused?.problem;
  if (problem) {
    const errno = program.problem ? ERRNO.EINVAL : (refused?.errno ?? ERRNO.EINVAL);
    return errorVerdict(program, profile, errno, problem);
  }
  const options = lazyKernelBtf(profile, request.btf);
  try {
    const verification = new Verification(
      program,
      object,
      profile,
      Object.defineProperty({ logLevel: request.logLevel, possibleCpus: request.possibleCpus }, 'kernelBtf', {
        get: () => options.kernelBtf,
        enumerable: true,
      }),
    );
    while (!verification.step(SLICE_INSNS)) {
      if (cancelled()) return undefined;
    }
    return verification.result();
  } catch (error) {
    return internalErrorVerdict(request.file, program, profile, error);
  }
}
