/**
 * Where programs are attached. The model has one tracepoint of its own timers, and the functions that a test run of
 * tracing programs calls; everywhere else an attached program is never called.
 */
import type { Kernel } from '../kernel/kernel';
import { ERRNO } from '../spec/errno';
import { has } from '../spec/profile';
import { sectionMeaning, type SectionMeaning } from '../spec/sections';
import { ENTRY_FUNCTIONS, MODIFY_FUNCTIONS } from '../spec/testFunctions';
import { fail, ok, type Result } from '../util/problem';
import type { LoadedProgram } from './load';

/** Trace points inside what the model does of the kernel. */
const TRACE_POINTS: readonly string[] = ['hrtimer_cancel'];
const TEST_FUNCTIONS = [...ENTRY_FUNCTIONS, ...MODIFY_FUNCTIONS].map((f) => f.name);

/** What a program's section means to a loader; undefined: none knows it. */
const meaningOf = (program: LoadedProgram): SectionMeaning | undefined =>
  sectionMeaning(program.spec.section.replace(/^\?/, ''));

/** The name under which the model calls what is attached: a tracepoint, `fentry/function`. */
function pointOf(program: LoadedProgram): { readonly name: string; readonly called: boolean } {
  const meaning = meaningOf(program);
  const target = meaning?.attachTo ?? '';
  const stem = meaning?.row.name.replace(/(\.s)?\+?$/, '') ?? '';
  if (['tp_btf', 'raw_tp', 'raw_tracepoint'].includes(stem) && TRACE_POINTS.includes(target))
    return { name: target, called: true };
  const called = ['fentry', 'fexit', 'fmod_ret', 'kprobe', 'kretprobe'].includes(stem);
  return { name: `${stem}/${target}`, called: called && TEST_FUNCTIONS.includes(target) };
}

/** Attaches a program; a problem where the model never calls it, unless it may be `anywhere`. */
export function attach(kernel: Kernel, program: LoadedProgram, anywhere: boolean): Result<void> {
  const point = pointOf(program);
  if (!point.called && !anywhere)
    return fail({
      code: 'no-such-point',
      message: `program '${program.name}' (${program.spec.section}) cannot be attached: the model has no such trace point`,
      remedy: `It has ${TRACE_POINTS.join(', ')}, as tp_btf/NAME or raw_tp/NAME, and the kernel's test functions (fentry/bpf_fentry_test1). Programs that need no attachment are run by 'run'.`,
    });
  const record = kernel.state.programs[program.id];
  if (record.attached) return ok(undefined);
  record.attached = true;
  kernel.getProgram(program.id);
  kernel.state.attached.push({ point: point.name, program: program.id });
  return ok(undefined);
}

export function detach(kernel: Kernel, program: LoadedProgram): void {
  const record = kernel.state.programs[program.id];
  if (!record.attached) return;
  record.attached = false;
  const { attached } = kernel.state;
  attached.splice(
    attached.findIndex((a) => a.program === program.id),
    1,
  );
  kernel.putProgram(program.id);
}

/** Programs attached under a name, the last one first, as they are called. */
export const attachedTo = (kernel: Kernel, point: string): readonly number[] =>
  kernel.state.attached
    .filter((a) => a.point === point)
    .map((a) => a.program)
    .reverse();

/** What a kernel has that probes and tracepoints can be attached to. */
export interface KernelPoints {
  hasFunction(name: string): boolean;
  hasTracepoint(name: string): boolean;
}

/** Iterators that go over what the user names, and one that wants to be told how. */
const ITERATORS_OF_MAPS = ['bpf_map_elem', 'bpf_sk_storage_map', 'sockmap'];
const ITERATORS_TOLD_HOW = ['cgroup'];

/** 0, or the errno with which a loader that is told nothing but the section fails to attach the program. */
export function attachErrno(
  kernel: Kernel,
  program: LoadedProgram,
  points: KernelPoints | undefined,
): number {
  const meaning = meaningOf(program);
  const target = meaning?.attachTo;
  const kind = meaning?.row.attach;
  if (kind === undefined || target === undefined) return ERRNO.EOPNOTSUPP;
  const found = (there: boolean | undefined): number => (there === false ? ERRNO.ENOENT : 0);
  switch (kind) {
    case 'function': {
      const [name, offset] = target.split('+');
      if (offset !== undefined && meaning?.row.name.startsWith('kret') === true) return ERRNO.EINVAL;
      return found(points?.hasFunction(name));
    }
    case 'functions':
      if (target === '') return ERRNO.EINVAL;
      if (!has(kernel.profile, 'probesOfPatterns'))
        return meaning?.row.name.includes('session') === true ? ERRNO.EINVAL : ERRNO.EOPNOTSUPP;
      return /[*?]/.test(target) ? 0 : found(points?.hasFunction(target));
    case 'systemCall':
      // Entries of system calls have no types either.
      return 0;
    case 'tracepoint': {
      const [group, name] = target.split('/');
      if (name === undefined) return ERRNO.EINVAL;
      // Tracepoints of system calls have no types.
      return group === 'syscalls' ? 0 : found(points?.hasTracepoint(name));
    }
    case 'rawTracepoint':
      return found(points?.hasTracepoint(target));
    case 'traced':
      return kernel.state.programs[program.id].attached ? ERRNO.EBUSY : 0;
    case 'iterator':
      if (ITERATORS_OF_MAPS.includes(target)) return program.sleepable ? ERRNO.EINVAL : ERRNO.EBADF;
      return ITERATORS_TOLD_HOW.includes(target) ? ERRNO.EINVAL : 0;
    case 'user':
      return ERRNO.ENOENT;
  }
}
