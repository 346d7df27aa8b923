/** Our verdict on raw programs, and how it compares with a kernel's answers. */
import { decode, isWide } from '../../runtime/insn/decode';
import { lazyKernelBtf } from '../../runtime/host/loadFor';
import { GUEST_CPUS, rawObject, type RawProgram } from '../../runtime/loader/rawProgram';
import { hexToBytes } from '../../runtime/util/hexText';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { verify } from '../../runtime/verifier/verify';
import { NO_STATS, type Verdict } from '../../runtime/verifier/verdict';
import { compare, type Comparison } from '../oracle/agreement';
import type { RawAnswer } from '../oracle/rawPrograms';

export function profileOf(kernel: string): Profile {
  const profile = findProfile(kernel);
  if (!profile) throw new Error(`no profile ${kernel}`);
  return profile;
}

type Judged = Pick<Verdict, 'verdict' | 'message' | 'stats'>;

/** A malformed description is an `error`; what is thrown is our bug. */
export function judgeRaw(raw: RawProgram, profile: Profile): Judged | Error {
  const btf = lazyKernelBtf(profile, {});
  const read = rawObject(raw, { kernelTypeName: (id) => btf.kernelBtf?.types.at(id)?.name });
  if (!read.ok) return { verdict: 'error', message: read.problem.message, stats: NO_STATS };
  try {
    return verify(read.value.program, read.value.object, profile, {
      possibleCpus: GUEST_CPUS,
      get kernelBtf() {
        return btf.kernelBtf;
      },
    });
  } catch (error) {
    return error as Error;
  }
}

/** Guests under emulation may be too slow for programs of a million steps: such answers say nothing. */
export const noAnswer = (answer: RawAnswer): boolean =>
  answer.verdict === 'kernel_crash' || (answer.error ?? '').startsWith('no answer');

/** File descriptors that a guest may have open besides the program's own maps: behind the standard ones, those of other programs. */
const OPEN_FILES = { first: 3, end: 8192 };

/** A load of a map by a number that is none of the program's maps: what it names is the guest's affair. */
function namesStrangeMap(raw: RawProgram): boolean {
  const own = raw.maps?.length ?? 0;
  const bytes = hexToBytes(raw.insns.replace(/\s/g, ''));
  if (!bytes.ok) return false;
  return decode(bytes.value.subarray(0, bytes.value.length & ~7)).some(
    (insn) =>
      isWide(insn) &&
      (insn.src === 1 || insn.src === 2) &&
      insn.imm >= Math.max(own, OPEN_FILES.first) &&
      insn.imm < OPEN_FILES.end,
  );
}

/** Undefined when the kernel gave no answer, or an answer that says nothing about the program. */
export function compareRaw(raw: RawProgram, answer: RawAnswer, profile: Profile): Comparison | undefined {
  if (noAnswer(answer) || namesStrangeMap(raw)) return undefined;
  const verdict = answer.verdict === 'ok' || answer.verdict === 'fail' ? answer.verdict : 'libbpf_error';
  return compare({ ...answer, verdict, file: `seed ${raw.id}`, prog: '' }, judgeRaw(raw, profile));
}
