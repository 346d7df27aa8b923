/** `bpf-studio doctor`: what is installed, what is missing, how to get it. Looks only; installs nothing. */
import * as fs from 'node:fs';
import { findCompiler } from '../runtime/host/findCompiler';
import { includeFlags } from '../runtime/host/includePaths';
import { MACHINE_BTF, nearestShipped } from '../runtime/host/kernelBtf';
import { cacheFolder } from '../runtime/host/cacheFolder';
import { packageVersion } from '../runtime/host/resources';
import { DEFAULT_PROFILE, findProfile } from '../runtime/spec/profile';
import { EXIT, toJson, type ExitStatus, type Streams } from './output';
import { formatOf } from './options';

export interface DoctorCommandOptions {
  readonly format?: string;
  readonly compiler?: string;
}

interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'optional' | 'missing';
  readonly detail: string;
  readonly remedy?: string;
}

export async function doctorCommand(options: DoctorCommandOptions, streams: Streams): Promise<ExitStatus> {
  const format = formatOf(options.format, ['text', 'json']);
  const findings = [
    {
      what: 'BPF Studio',
      state: 'ok',
      detail: `${packageVersion()} on Node ${process.version}, ${process.platform}/${process.arch}`,
    },
    ...(await compilerFindings(options)),
    kernelTypes(),
    qemu(),
    { what: 'cache', state: 'ok', detail: cacheFolder('.') },
  ] satisfies Finding[];
  if (format === 'json') streams.out(toJson({ version: packageVersion(), findings }));
  else {
    for (const finding of findings) {
      const mark = { ok: 'ok      ', optional: 'optional', missing: 'MISSING ' }[finding.state];
      streams.out(`${mark}  ${finding.what}: ${finding.detail}\n`);
      if ('remedy' in finding && finding.remedy) streams.out(`          ${finding.remedy}\n`);
    }
  }
  return findings.some((finding) => finding.state === 'missing') ? EXIT.short : EXIT.ok;
}

async function compilerFindings(options: DoctorCommandOptions): Promise<Finding[]> {
  const compiler = await findCompiler({ compilerPath: options.compiler, zigFolders: [process.cwd()] });
  if (!compiler.ok) {
    const { message, remedy } = compiler.problem;
    return [{ what: 'C compiler', state: 'missing', detail: message, remedy }];
  }
  const folders = includeFlags(compiler.value, undefined).filter((flag) => !flag.startsWith('-'));
  const libbpf = fs.existsSync('/usr/include/bpf/bpf_helpers.h');
  return [
    { what: 'C compiler', state: 'ok', detail: `${compiler.value.version}, ${compiler.value.path}` },
    {
      what: 'BPF headers',
      state: 'ok',
      detail: `${libbpf ? "the system's libbpf, then ours" : 'ours'} (searched after your own: ${folders.join(', ')})`,
    },
  ];
}

function kernelTypes(): Finding {
  const profile = findProfile(DEFAULT_PROFILE);
  const shipped = profile && nearestShipped(profile);
  if (!shipped) {
    return {
      what: 'kernel types',
      state: 'missing',
      detail: 'the type information that comes with BPF Studio is not there',
      remedy: 'Install BPF Studio again.',
    };
  }
  const here = fs.existsSync(MACHINE_BTF) ? `; this machine's kernel has its own (--btf ${MACHINE_BTF})` : '';
  return { what: 'kernel types', state: 'ok', detail: `included for the measured kernels${here}` };
}

function qemu(): Finding {
  const found = (process.env.PATH ?? '').split(':').some((dir) => fs.existsSync(`${dir}/qemu-system-x86_64`));
  return found
    ? { what: 'QEMU', state: 'ok', detail: 'real kernels can be booted for comparison (development only)' }
    : {
        what: 'QEMU',
        state: 'optional',
        detail: 'not installed; only the development tests against real kernels need it',
        remedy: 'Debian, Ubuntu: apt install qemu-system-x86',
      };
}
