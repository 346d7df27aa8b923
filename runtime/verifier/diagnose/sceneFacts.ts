/**
 * What explanations need besides what the refusal recorded: facts that follow from the refused instruction, the way to it and
 * the tables. All are words ready for a sentence; a fact that does not apply is absent.
 */
import { HELPER_PROGRAMS, helperAllowed } from '../../spec/helperPrograms';
import { helperById, helperByName } from '../../spec/helpers';
import { poisonedCall } from '../../spec/poisonedCalls';
import { referenceAcquiredBy } from '../../spec/references';
import type { VerifierEnv } from '../env';
import type { RejectionData } from '../outcome';
import { isScalar, type RegState } from '../regState';
import { calleeAt } from './causalPath';
import { endOfPointer, endWords } from './endOfPointer';
import type { Trace, Way } from './way';

export type Facts = Readonly<Record<string, string>>;

/** Facts that are made here or in `explanations/byMessage.ts`' terms; a description without a program has none of them. */
export const DERIVED_FACTS: ReadonlySet<string> = new Set(
  'callee gone clobberer range fixed missing offered chain acquirer resource release detail global'.split(
    ' ',
  ),
);

const CALL = 0x85;
/** Ranges that reach beyond are those of whole types, which nobody set. */
const LEAST_BOUND = -(1n << 31n);
const LARGEST_BOUND = 1n << 32n;

/** The values that a number may have, or that may be added to a pointer; '' when it has no bounds worth telling. */
export function rangeWords(reg: RegState): string {
  if (reg.type === 'notInit') return '';
  const { smin, smax } = reg;
  if (smin < LEAST_BOUND || smax > LARGEST_BOUND) return '';
  return smin === smax ? `always ${smin}` : `between ${smin} and ${smax}`;
}

/** Why a helper number is none, in words; '' when it is just a number. */
export function missingHelper(id: number, kfunc: string): string {
  switch (poisonedCall(id)) {
    case 'kfunc':
      return `The kernel function ${kfunc === '' ? 'that is called here' : kfunc} is missing on this kernel; it is declared __weak, so the loader put an impossible call in its place.`;
    case 'relocation':
      return 'This instruction accesses a struct member, type or enum value that this kernel does not have (a CO-RE relocation failed); the loader put an impossible call in its place.';
    case undefined: {
      const row = helperById(id);
      if (row === undefined) return '';
      return `${row.name} (helper ${id}) is not in this kernel${row.since === undefined ? '' : `; ${row.since} has it`}.`;
    }
  }
}

const plain = (type: string): string => type.replace('BPF_PROG_TYPE_', '').toLowerCase();
/** More are not listed. */
const MAX_TYPES = 12;

/** Program types that may call a helper on this kernel, as a list. */
function offeredTo(env: VerifierEnv, helper: string): string {
  const row = helperByName(helper);
  if (row === undefined) return '';
  const types = [...new Set(HELPER_PROGRAMS.map((entry) => entry.type))].filter(
    (type) => helperAllowed(env.profile, type, undefined, row.id) === 'yes',
  );
  if (types.length === 0 || types.length > MAX_TYPES) return '';
  return types.map(plain).join(', ');
}

/** What was borrowed and who takes it back, by who lent it. */
export function leakFacts(acquirer: string): Facts {
  const row = referenceAcquiredBy(acquirer);
  return row === undefined
    ? { acquirer }
    : { acquirer, resource: row.what, release: row.remedy ?? row.releasedBy.join(' or ') };
}

/** What destroyed the registers of arguments at a step. */
const clobbererAt = (way: Way, at: number): string => {
  const { code } = way.steps[at].insn;
  if (code !== CALL) return 'the packet load';
  const name = way.callee(at);
  return name === '' ? 'the call of a function' : `the call of ${name}`;
};

/**
 * What the way shows about the first register.
 * @param isNumber it is a number now, so that a pointer that it was has come to an end
 */
export function wayFacts(way: Way, trace: Trace | undefined, isNumber: boolean): Facts {
  const end = trace === undefined || !isNumber ? -1 : endOfPointer(way, trace);
  const origin = trace?.origin;
  const last = way.steps.length - 1;
  return {
    ...(last < 0 ? {} : { callee: way.callee(last) }),
    ...(trace === undefined || end < 0 ? {} : { gone: endWords(way, trace, end).reason }),
    ...(origin?.kind === 'clobbered' ? { clobberer: clobbererAt(way, origin.at) } : {}),
  };
}

function aboutCode(env: VerifierEnv, data: RejectionData, insn: number): Facts {
  const { facts = {} } = data;
  switch (data.code) {
    case 'reference-leak':
      return leakFacts(typeof facts.allocInsn === 'number' ? calleeAt(env, facts.allocInsn) : '');
    case 'no-such-helper': {
      const reference = env.program.references.get(insn);
      const kfunc = reference?.kind === 'kfunc' ? reference.name : '';
      return { missing: missingHelper(Number(facts.id), kfunc) };
    }
    case 'helper-not-for-program':
      return { offered: offeredTo(env, String(facts.helper)) };
    default:
      return {};
  }
}

/** Facts of one refusal that the refusing code did not have to know. `trace` belongs to the first of `data.registers`. */
export function sceneFacts(
  env: VerifierEnv,
  data: RejectionData,
  insn: number,
  reg: RegState | undefined,
  way: Way,
  trace: Trace | undefined,
): Facts {
  return {
    ...wayFacts(way, trace, reg === undefined || isScalar(reg)),
    ...(reg === undefined ? {} : { range: rangeWords(reg), fixed: reg.smin === reg.smax ? '1' : '' }),
    ...aboutCode(env, data, insn),
  };
}
