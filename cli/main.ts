/**
 * The command `bpf-studio`: reads the command line and starts one command, whose code is loaded only then. Exit status: 0
 * all well, 1 the programs fall short, 2 usage or unreadable input (one line on standard error, no stack trace).
 */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../runtime/host/resources';
import {
  CommandFailure,
  EXIT,
  problemLine,
  processStreams,
  type ExitStatus,
  type Streams,
  usage,
} from './output';
import type { VerifyCommandOptions } from './verify';
import type { RunCommandOptions } from './run';
import type { ExploreCommandOptions } from './explore';
import type { SharedOptions } from './options';
import type { DisasmCommandOptions } from './disasm';
import type { ExplainCommandOptions } from './explain';
import type { DoctorCommandOptions } from './doctor';

/** Commands and options of the stable interface that are not there yet, with what to say. */
const LATER = {
  test: 'tests on virtual time',
} as const;

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** @returns the exit status; never throws for anything that a user can type. */
export async function main(argv: readonly string[], streams: Streams = processStreams): Promise<ExitStatus> {
  let status: ExitStatus = EXIT.ok;
  const program = new Command('bpf-studio');
  const finish = async (work: Promise<ExitStatus>): Promise<void> => {
    status = await work;
  };
  program
    .description('What the kernel will say of BPF programs, and what they will do, without a kernel.')
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.out(text),
      // Commander's own "error: …" line, in our form.
      writeErr: (text) => {
        const line = text
          .trim()
          .replace(/^error: /, '')
          .replace(/\s*\n\s*/g, ' ');
        if (line !== '') streams.error(`bpf-studio: ${line}`);
      },
    })
    .showSuggestionAfterError(true);

  const compiling = (command: Command): Command =>
    command
      .option('--kernel <list>', 'kernels to ask, e.g. 6.1,6.12 or all (default 6.12)')
      .option('--btf <file>', "the kernel's type information instead of what comes with us")
      .option('--compiler <path>', 'clang (or zig) to compile C with')
      .option('-I, --include <dir>', 'folder with headers, for C', collect)
      .option('-D, --define <macro>', 'preprocessor macro, for C', collect)
      .option('--cflag <flag>', 'another compiler flag (harmless ones only)', collect);

  compiling(program.command('verify'))
    .description('judge objects, C sources or folders of them')
    .argument('[files...]', 'objects, C sources, folders or globs')
    .option('--program <name>', 'only this program')
    .option('--format <format>', 'text, json, sarif, junit or github')
    .option('--log <level>', "add the kernel's log, level 1 or 2")
    .option('--relaxed', 'load what only older loaders accept; for judging corpora')
    .option('--timings', 'add wall-clock times')
    .option('--cpus <n>', 'CPUs that the machine may have (default 128; with --raw 1)')
    .option('--shard <i/n>', 'only every n-th file, beginning with the i-th')
    .option(
      '--on-kernel <list>',
      'ask real kernels under QEMU instead: 6.1,6.12,7.2 or all (from a checkout)',
    )
    .option('--raw <file>', 'judge bare instruction sequences, one JSON object a line')
    .action((files: string[], options: VerifyCommandOptions & { onKernel?: string; raw?: string }) => {
      const { onKernel } = options;
      if (onKernel !== undefined)
        return finish(
          import('./onKernel').then((m) => m.onKernelCommand(files, { ...options, onKernel }, streams)),
        );
      const { raw } = options;
      if (raw !== undefined)
        return finish(import('./verifyRaw').then((m) => m.verifyRawCommand({ ...options, raw }, streams)));
      return finish(import('./verify').then((m) => m.verifyCommand(files, options, streams)));
    });

  compiling(program.command('run'))
    .description('run a program or a scenario in the kernel model, on virtual time')
    .argument('[file]', 'object, C source or scenario (*.bpf.yaml)')
    .option('--program <name>', 'only this program')
    .option('--format <format>', 'text or json')
    .option('--packet <hex|pcap>', 'the packet to run with')
    .option('--ctx <hex>', 'the context to run with')
    .option('--advance <duration>', 'virtual time to let pass afterwards, e.g. 10ms')
    .option('--cpus <n>', 'virtual CPUs')
    .option('--seed <n>', 'seed of everything random')
    .option('--oracle <file>', "play the kernel test bench's scenarios, one JSON line each")
    .action((file: string | undefined, options: RunCommandOptions & { oracle?: string }) => {
      const { oracle } = options;
      if (oracle !== undefined)
        return finish(import('./runOracle').then((m) => m.runOracleCommand(oracle, options, streams)));
      if (file === undefined) throw usage('no file', 'Name an object, a C source or a scenario.');
      return finish(import('./run').then((m) => m.runCommand(file, options, streams)));
    });

  compiling(program.command('explore'))
    .description("search the interleavings of a scenario's parallel steps for races")
    .argument('<scenario>', 'scenario (*.bpf.yaml) with a parallel step')
    .option('--format <format>', 'text or json')
    .option('--strategy <name>', 'dfs (default), pct or random')
    .option('--preemptions <n>', 'most preemptions of a schedule (default 2)')
    .option('--budget <n>', 'most executions')
    .option(
      '--fix <name=on|off>',
      "switch one of the kernel's fixes, against what the scenario says",
      collect,
    )
    .option('--reduction <on|off>', 'off: run also what differs only in the order of independent actions')
    .option('--data-race <on|off>', 'off: look for no data races, switch at every access to a value')
    .option('--shard <i/n>', 'only this share of the schedules')
    .option('--seed <n>', 'seed of everything random')
    .option('--out <file>', 'where to write the schedule of what was found')
    .option('--timings', 'add executions per second')
    .action((file: string, options: ExploreCommandOptions) =>
      finish(import('./explore').then((m) => m.exploreCommand(file, options, streams))),
    );

  compiling(program.command('replay'))
    .description('play the run of a schedule file again')
    .argument('<schedule>', 'schedule file (*.bpfschedule)')
    .option('--format <format>', 'text or json')
    .action((file: string, options: SharedOptions) =>
      finish(import('./replay').then((m) => m.replayCommand(file, options, streams))),
    );

  compiling(program.command('disasm'))
    .description("list the programs' instructions with their source lines")
    .argument('<file>', 'object or C source')
    .option('--program <name>', 'only this program')
    .option('--format <format>', 'text or json')
    .action((file: string, options: DisasmCommandOptions) =>
      finish(import('./disasm').then((m) => m.disasmCommand(file, options, streams))),
    );

  program
    .command('explain')
    .description('explain a verifier log that any kernel printed')
    .argument('<log>', 'file with the log, - for standard input')
    .option('--format <format>', 'text or json')
    .option('--source <dir>', 'folder with the sources (default: the current one)', collect)
    .action((file: string, options: ExplainCommandOptions) =>
      finish(import('./explain').then((m) => m.explainCommand(file, options, streams))),
    );

  program
    .command('kernels')
    .description('list the kernel profiles and what their verdicts rest on')
    .option('--format <format>', 'text or json')
    .action((options: { format?: string }) =>
      finish(import('./kernels').then((m) => m.kernelsCommand(options, streams))),
    );

  program
    .command('doctor')
    .description('say what is installed, what is missing and how to get it')
    .option('--format <format>', 'text or json')
    .option('--compiler <path>', 'look at this compiler')
    .action((options: DoctorCommandOptions) =>
      finish(import('./doctor').then((m) => m.doctorCommand(options, streams))),
    );

  program
    .command('lsp')
    .description('language server on standard input and output')
    .option('--stdio', 'the only way it speaks; may be left out')
    .action(() => finish(import('./servers').then((m) => m.languageServer())));
  program
    .command('dap')
    .description('debug adapter')
    .option('--stdio', 'speak on standard input and output (default)')
    .option('--port <n>', 'listen on 127.0.0.1 instead')
    .action((options: { port?: string }) => finish(import('./servers').then((m) => m.debugAdapter(options))));

  for (const [name, what] of Object.entries(LATER)) {
    program
      .command(name, { hidden: true })
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => finish(later(`${name} (${what})`, streams)));
  }

  try {
    if (argv.length === 0) {
      streams.error('bpf-studio: no command — see bpf-studio --help');
      return EXIT.usage;
    }
    await program.parseAsync(argv, { from: 'user' });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof CommandFailure) {
      streams.error(problemLine(error.problem));
      return EXIT.usage;
    }
    const text = error instanceof Error ? error.message : String(error);
    streams.error(`bpf-studio: internal error, please report it: ${text.split('\n')[0]}`);
    if (process.env.BPF_STUDIO_DEBUG && error instanceof Error) streams.error(error.stack ?? '');
    return EXIT.usage;
  }
}

function later(what: string, streams: Streams): Promise<ExitStatus> {
  streams.error(`bpf-studio: ${what} is not in this version yet; it comes in a later one`);
  return Promise.resolve(EXIT.usage);
}

if (require.main === module) {
  // A reader that goes away (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
  void main(process.argv.slice(2)).then((status) => {
    process.exitCode = status;
  });
}
