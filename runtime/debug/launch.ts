/**
 * From an object's bytes to something that can be debugged: loaded, judged by the verifier, put into a machine. A program
 * that the verifier rejects or cannot judge may be debugged all the same, with every access checked and a notice.
 */
import type { Btf } from '../btf/types';
import { objectForKernel } from '../loader/forKernel';
import { loadObject } from '../loader/loadObject';
import { readObjectDwarf } from '../loader/dwarfSections';
import type { ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import { readScenario } from '../machine/scenario';
import type { MachineEvent } from '../machine/types';
import { ERRNO } from '../spec/errno';
import type { Profile } from '../spec/profile';
import { fail, ok, type Result } from '../util/problem';
import { errorVerdict, NO_STATS, type Verdict } from '../verifier/verdict';
import { Verification } from '../verifier/verify';
import { Debugger } from './debugger';
import { createMachineTarget } from './machineTarget';
import { baseName } from './sourceMap';

export interface LaunchOptions {
  /** Path of the C source or object, for messages. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly profile: Profile;
  /** Asked for only when the object needs kernel types. */
  readonly kernelBtf: () => Btf | undefined;
  /** The kernel's configuration, by option; asked for only when the object needs it. */
  readonly kconfig: () => ReadonlyMap<string, string> | undefined;
  /** Run only this program. */
  readonly program?: string;
  readonly cpus: number;
  readonly seed: number;
  /** Every program is run once for each; none: the default packet. */
  readonly packets: readonly Uint8Array[];
  readonly ctx?: Uint8Array;
  /** Virtual time at which the run ends. */
  readonly untilNs: bigint;
  /** Scenario to play instead of the default one: data from YAML or JSON, not yet checked. */
  readonly scenario?: { readonly file: string; readonly data: unknown };
}

export interface LaunchNotice {
  readonly severity: 'info' | 'warning' | 'error';
  readonly message: string;
}

/** A program in a machine with a debugger on it, and what a summary of its run needs. */
export class Debuggee {
  readonly returns = new Map<string, { count: number; last: string }>();
  everStopped = false;

  constructor(readonly debug: Debugger) {}

  /** Keeps what the end of the run tells. */
  record(event: MachineEvent): void {
    if (event.kind !== 'programEnd') return;
    const before = this.returns.get(event.program);
    this.returns.set(event.program, {
      count: (before?.count ?? 0) + 1,
      last: event.value === undefined ? '?' : String(BigInt.asIntN(32, event.value)),
    });
  }
}

export interface Launched {
  readonly debuggee: Debuggee;
  readonly verdicts: readonly Verdict[];
  readonly notices: readonly LaunchNotice[];
  /** Lines for a console. */
  readonly warnings: readonly string[];
}

/** Instructions per slice of verifying; the whole is bounded by the kernel's own limit of a million. */
const VERIFY_SLICE = 100_000;

export function createDebuggee(options: LaunchOptions): Result<Launched> {
  const scenario = options.scenario && readScenario(options.scenario.file, options.scenario.data);
  if (scenario?.ok === false) return scenario;
  const object = loadObject(
    options.file,
    options.bytes,
    Object.defineProperties(
      { kernelRelease: options.profile.release },
      {
        kernelBtf: { get: options.kernelBtf, enumerable: true },
        kconfig: { get: options.kconfig, enumerable: true },
      },
    ),
  );
  if (!object.ok) return object;
  const spec = objectForKernel(object.value, options.profile);
  const chosen = chosenPrograms(spec, options.program);
  if (!chosen.ok) return chosen;

  const verdicts = spec.programs
    .filter((p) => p.autoload || chosen.value.includes(p))
    .map((p) => judge(p, spec, options));
  const notices = verdicts.flatMap((v) => noticeOf(v, spec, options.profile));
  const warnings = spec.warnings.map((w) => `${baseName(options.file)}: ${w.message}`);

  const dwarf = readObjectDwarf(options.file, options.bytes);
  if (!dwarf.ok) warnings.push(`Variables cannot be shown: ${dwarf.problem.message}`);

  const target = createMachineTarget({
    object: spec,
    profile: options.profile,
    cpus: options.cpus,
    seed: options.seed,
    run: chosen.value.map((p) => p.name),
    packets: options.packets,
    ctx: options.ctx,
    scenario: scenario?.value,
    // Faults of a program that no verifier vouches for must be found where they happen.
    checked: true,
    kernelTypes: options.kernelBtf,
  });
  if (!target.ok) return target;
  const debug = new Debugger(target.value, dwarf.ok ? dwarf.value : undefined, options.untilNs);
  return ok({ debuggee: new Debuggee(debug), verdicts, notices, warnings });
}

/** The programs to run: the one named, or all. */
function chosenPrograms(spec: ObjectSpec, name: string | undefined): Result<readonly ProgramSpec[]> {
  const place = { file: spec.file };
  if (spec.programs.length === 0)
    return fail({
      code: 'no-programs',
      message: `${spec.file}: holds no BPF program`,
      place,
      remedy: 'Give each entry function a section, e.g. SEC("xdp").',
    });
  if (name === undefined) return ok(spec.programs.filter((p) => p.autoload));
  const found = spec.programs.filter((p) => p.name === name || p.section === name);
  if (found.length === 0)
    return fail({
      code: 'program-missing',
      message: `${spec.file}: there is no program "${name}"`,
      place,
      remedy: `It has: ${spec.programs.map((p) => p.name).join(', ')}.`,
    });
  return ok(found);
}

function judge(program: ProgramSpec, object: ObjectSpec, options: LaunchOptions): Verdict {
  if (program.problem) return errorVerdict(program, options.profile, ERRNO.EINVAL, program.problem);
  try {
    // The getter is handed on: kernel types are parsed only for programs that need them.
    const verification = new Verification(
      program,
      object,
      options.profile,
      Object.defineProperty({ logLevel: 0 as const }, 'kernelBtf', {
        get: options.kernelBtf,
        enumerable: true,
      }),
    );
    while (!verification.step(VERIFY_SLICE));
    return verification.result();
  } catch (error) {
    // A bug of our verifier must not keep anybody from debugging: the program then runs like any other unjudged one.
    return {
      program: program.name,
      section: program.section,
      type: program.type,
      kernel: options.profile.name,
      basis: options.profile.basis,
      verdict: 'unknown',
      errno: 0,
      message: `the verifier failed: ${error instanceof Error ? error.message : String(error)}`,
      stats: NO_STATS,
    };
  }
}

function noticeOf(verdict: Verdict, spec: ObjectSpec, profile: Profile): LaunchNotice[] {
  if (verdict.verdict === 'accepted') return [];
  const program = spec.programs.find((p) => p.name === verdict.program);
  const line = program?.lines.filter((l) => l.insnIdx <= (verdict.insn ?? -1) && l.line > 0).at(-1);
  const where = line ? ` (${baseName(line.file)}:${line.line})` : '';
  const anyway = 'It is debugged all the same, with every memory access checked.';
  const said: Readonly<Record<Exclude<Verdict['verdict'], 'accepted'>, string>> = {
    rejected: `Linux ${profile.name} rejects ${verdict.program}: ${verdict.message}${where}.`,
    unknown: `It is not known whether Linux ${profile.name} accepts ${verdict.program}: ${verdict.message}.`,
    error: `${verdict.program} cannot be loaded into Linux ${profile.name}: ${verdict.problem?.message ?? verdict.message}.`,
  };
  return [{ severity: 'warning', message: `${said[verdict.verdict]} ${anyway}`.replace(/\.\.(?!\.)/g, '.') }];
}
