/** Commands as a user types them: exit status, one clear line per mistake, formats. */
import * as assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { example, fixture, repoRoot } from '../support/paths';
import { cli, type CliOutcome } from './runCli';

const heartbeat = example('heartbeat.bpf.c');
const rejected = example('rejected/other_map.bpf.c');

/** A usage error: status 2, exactly one line, no stack trace, nothing on standard output. */
function oneClearLine(outcome: CliOutcome, expected: RegExp): void {
  assert.equal(outcome.status, 2);
  assert.equal(outcome.errors.length, 1, outcome.errors.join('\n'));
  assert.match(outcome.errors[0], /^bpf-studio: /);
  assert.match(outcome.errors[0], expected);
  assert.doesNotMatch(outcome.errors[0], /\n|\bat .*:\d+:\d+\)/);
}

describe('bpf-studio', () => {
  let dir: string;
  before(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
  });
  after(() => fs.rmSync(dir, { recursive: true }));
  const write = (name: string, contents: string | Uint8Array): string => {
    const file = path.join(dir, name);
    fs.writeFileSync(file, contents);
    return file;
  };

  /** So many copies of an object. */
  const objects = (count: number): string[] =>
    Array.from({ length: count }, (_, i) =>
      write(`copy${i}.o`, fs.readFileSync(fixture('host', 'heartbeat.o'))),
    );

  describe('usage', () => {
    it('says its version and helps', async () => {
      const version = await cli('--version');
      assert.equal(version.status, 0);
      assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
      const help = await cli('--help');
      assert.equal(help.status, 0);
      for (const command of ['verify', 'run', 'explain', 'disasm', 'kernels', 'doctor', 'lsp', 'dap']) {
        assert.match(help.out, new RegExp(`^\\s+${command}\\b`, 'm'));
      }
    });

    it('without or with a wrong command or option is one line and status 2', async () => {
      oneClearLine(await cli(), /no command/);
      oneClearLine(await cli('verfy', 'x'), /unknown command/);
      oneClearLine(await cli('verify', '--nothing', heartbeat), /unknown option/);
      oneClearLine(await cli('verify'), /no files/);
      oneClearLine(await cli('verify', heartbeat, '--kernel', '9.9'), /no kernel profile "9\.9"/);
      oneClearLine(await cli('verify', heartbeat, '--format', 'xml'), /no format "xml"/);
      oneClearLine(await cli('verify', heartbeat, '--log', '7'), /--log/);
      oneClearLine(await cli('verify', heartbeat, '--shard', '3/2'), /--shard/);
      oneClearLine(await cli('verify', heartbeat, '--cflag=-fplugin=x.so'), /-fplugin=x\.so is not allowed/);
      oneClearLine(await cli('run', heartbeat, '--advance', 'soon'), /--advance: "soon"/);
      oneClearLine(await cli('run', heartbeat, '--packet', 'xyz'), /--packet/);
      oneClearLine(await cli('run', heartbeat, '--kernel', '6.1,6.12'), /one kernel/);
      oneClearLine(await cli('dap', '--port', 'x'), /--port/);
    });

    it('of what comes later says so', async () => {
      for (const argv of [['test']]) {
        oneClearLine(await cli(...argv), /not in this version yet/);
      }
    });
  });

  describe('bad input', () => {
    it('with a map that has no size is refused as a loader would, unless relaxed', async () => {
      const file = write(
        'sizeless.bpf.c',
        `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __type(key, __u32); __type(value, __u32); } sizeless SEC(".maps");
SEC("xdp") int look(struct xdp_md *ctx) { __u32 key = 0; return bpf_map_lookup_elem(&sizeless, &key) ? 1 : 2; }
`,
      );
      const { status, out } = await cli('verify', file);
      assert.equal(status, 1);
      assert.match(out, /map 'sizeless': failed to create: -EINVAL/);
      assert.match(out, /__uint\(max_entries/);
      assert.equal((await cli('verify', '--relaxed', file)).status, 0);
    });

    it('that is not there, empty, foreign or damaged is one line and status 2', async () => {
      oneClearLine(await cli('verify', path.join(dir, 'none.o')), /no such file/);
      oneClearLine(await cli('verify', write('empty.o', '')), /empty\.o/);
      oneClearLine(await cli('verify', write('text.o', 'this is no object file at all\n')), /text\.o/);
      oneClearLine(await cli('verify', process.execPath), /node/);
      oneClearLine(await cli('verify', write('none.c', '')), /no BPF program/);
      oneClearLine(await cli('verify', heartbeat, '--btf', write('bad.btf', 'no')), /bad\.btf/);
      oneClearLine(await cli('verify', heartbeat, '--btf', '/nowhere.btf'), /nowhere\.btf/);
      oneClearLine(
        await cli('verify', heartbeat, '--program', 'nobody'),
        /no program "nobody".*It has: start/,
      );
      oneClearLine(
        await cli('verify', heartbeat, '--compiler', '/nowhere/clang'),
        /nowhere\/clang cannot be used/,
      );
      oneClearLine(await cli('disasm', write('empty.o', '')), /empty\.o/);
      oneClearLine(await cli('run', path.join(dir, 'none.bpf.yaml')), /none\.bpf\.yaml/);
      oneClearLine(await cli('run', write('bad.bpf.yaml', 'a: [')), /bad\.bpf\.yaml/);
      oneClearLine(await cli('run', write('bad2.bpf.yaml', 'version: 7')), /bad2\.bpf\.yaml/);
      oneClearLine(await cli('run', heartbeat, '--packet', write('bad.pcap', 'x')), /pcap/);
      oneClearLine(await cli('run', heartbeat, '--program', 'nobody'), /nobody/);
    });

    it('that no loader takes says why and what to do', async () => {
      const program = (maps: string, body: string): string =>
        '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n' +
        `${maps}\nSEC("xdp") int p(struct xdp_md *ctx) { ${body} }\nchar _license[] SEC("license") = "GPL";\n`;
      const map =
        'struct { __uint(type, 9999); __uint(max_entries, 1); __type(key, int); __type(value, int); } m SEC(".maps");';
      const lookup = 'int k = 0; return bpf_map_lookup_elem(&m, &k) ? 1 : 2;';
      oneClearLine(
        await cli('verify', write('map.bpf.c', program(map, lookup))),
        /map 'm': unknown map type 9999/,
      );
      oneClearLine(
        await cli('verify', write('extern.bpf.c', program('extern int nobody(int);', 'return nobody(1);'))),
        /extern 'nobody'.* — /,
      );
      oneClearLine(
        await cli('verify', heartbeat, '--cflag=-g0'),
        /needs BTF, but the object has none.* — Compile with -g/,
      );
      const section = write(
        'section.bpf.c',
        program('', 'return 0;').replace('SEC("xdp")', 'SEC("nonsense")'),
      );
      const outcome = await cli('verify', section);
      assert.equal(outcome.status, 1);
      assert.match(outcome.out, /missing BPF prog type, check ELF section name 'nonsense'/);
      oneClearLine(await cli('run', section), /nonsense/);
    }).timeout(60_000);

    it('that was built for another machine is refused, and a big-endian BPF object is not', async () => {
      const whole = fs.readFileSync(fixture('host', 'heartbeat.o'));
      const foreign = Buffer.from(whole);
      foreign.writeUInt16LE(62, 18);
      oneClearLine(await cli('verify', write('x86.o', foreign)), /x86-64, not for BPF/);
      const narrow = Buffer.from(whole);
      narrow[4] = 1;
      oneClearLine(await cli('verify', write('elf32.o', narrow)), /32/);
      const big = await cli('verify', fixture('host', 'heartbeat-be.o'));
      assert.equal(big.status, 0, big.errors.join());
    });

    it('in C names the place of the mistake', async () => {
      const file = write('wrong.bpf.c', 'int f(void)\n{\n\treturn nothing;\n}\n');
      oneClearLine(await cli('verify', file), /wrong\.bpf\.c:3:9: use of undeclared identifier 'nothing'/);
    });

    it('in C that misses a header says how to name its folder', async () => {
      const file = write('header.bpf.c', '#include <no/such.h>\n');
      oneClearLine(await cli('verify', file), /no\/such\.h' file not found — Name its folder with -I/);
    });

    it('truncated anywhere is refused or judged, and never more than one line', async () => {
      const whole = fs.readFileSync(fixture('host', 'heartbeat.o'));
      for (let size = 0; size < whole.length; size += 509) {
        const outcome = await cli('verify', write('cut.o', whole.subarray(0, size)));
        oneClearLine(outcome, /cut\.o/);
      }
    });

    it('of one file does not keep the others from being judged', async () => {
      const outcome = await cli('verify', write('text2.o', 'no'), heartbeat, '--format', 'json');
      assert.equal(outcome.status, 2);
      assert.equal(outcome.errors.length, 1);
      const json = JSON.parse(outcome.out) as {
        results: { problem?: unknown; programs: { verdict: string }[] }[];
      };
      assert.ok(json.results[0].problem);
      assert.equal(json.results[1].programs[0].verdict, 'accepted');
    });
  });

  describe('verify', () => {
    it('ends with 0 for accepted and 1 for rejected programs', async () => {
      const good = await cli('verify', heartbeat);
      assert.equal(good.status, 0);
      assert.match(good.out, /start \(xdp\) on 6\.12: accepted/);
      const bad = await cli('verify', rejected, '--kernel', '6.1,6.12,7.2');
      assert.equal(bad.status, 1);
      assert.match(bad.out, /other_map\.bpf\.c:\d+:\d+: error: timer pointer in R1 map_uid=0 doesn't match/);
      assert.match(bad.out, /on 6\.1, 6\.12, 7\.2: rejected, errno 22/);
      assert.match(bad.out, /\^~+/);
    });

    it('gives the same bytes for the same input, inline and with workers', async () => {
      const files = [heartbeat, rejected, example('rejected/nested_timer.bpf.c')];
      const argv = ['verify', ...files, '--kernel', 'all', '--format', 'json', '--log', '1'];
      assert.equal((await cli(...argv)).out, (await cli(...argv)).out);
      const many = objects(9);
      const first = await cli('verify', ...many, '--format', 'json');
      const second = await cli('verify', ...many, '--format', 'json');
      assert.equal(first.status, 0);
      assert.equal(first.out, second.out);
    });

    it('writes well-formed SARIF, JUnit and GitHub annotations', async () => {
      const sarif = await cli('verify', heartbeat, rejected, '--format', 'sarif');
      const log = JSON.parse(sarif.out) as {
        version: string;
        runs: {
          results: { ruleId: string; locations: { physicalLocation: { region: { startLine: number } } }[] }[];
        }[];
      };
      assert.equal(log.version, '2.1.0');
      assert.equal(log.runs[0].results.length, 1);
      assert.ok(log.runs[0].results[0].locations[0].physicalLocation.region.startLine > 20);
      const junit = await cli('verify', heartbeat, rejected, '--format', 'junit');
      assert.match(
        junit.out,
        /<testsuite name="[^"]*other_map\.bpf\.c" tests="1" failures="1" errors="0" skipped="0">/,
      );
      assert.match(junit.out, /doesn&apos;t|doesn't/);
      const github = await cli('verify', rejected, '--format', 'github');
      assert.match(
        github.out,
        /^::error file=.*other_map\.bpf\.c,line=\d+,col=\d+,endColumn=\d+,title=[a-z-]+::timer pointer/,
      );
    });

    it('adds the log and times only when asked', async () => {
      type Json = { results: { programs: { log?: string; timeMs?: number }[] }[] };
      const plain = JSON.parse((await cli('verify', heartbeat, '--format', 'json')).out) as Json;
      assert.equal(plain.results[0].programs[0].log, undefined);
      assert.equal(plain.results[0].programs[0].timeMs, undefined);
      const full = JSON.parse(
        (await cli('verify', heartbeat, '--format', 'json', '--log', '2', '--timings')).out,
      ) as Json;
      assert.match(full.results[0].programs[0].log ?? '', /^0: .*\n[^]*processed \d+ insns/m);
      assert.equal(typeof full.results[0].programs[0].timeMs, 'number');
    });

    it('splits work into shards that together are the whole', async () => {
      const files = objects(5);
      const names = async (shard: string): Promise<string[]> => {
        const outcome = await cli('verify', ...files, '--format', 'json', '--shard', shard);
        return (JSON.parse(outcome.out) as { results: { file: string }[] }).results.map((r) => r.file);
      };
      const parts = [await names('1/3'), await names('2/3'), await names('3/3')];
      assert.deepEqual(parts.flat().sort(), files);
      assert.ok(parts.every((part) => part.length > 0));
    });
  });

  describe('run', () => {
    type RunJson = {
      kernel: string;
      timeNs: string;
      returnValues: { program: string; value: number }[];
      timers: { map: string; state: string; fires: number; callback: unknown }[];
      maps: Record<string, { key: unknown; value: { count?: unknown; packets?: unknown } }[]>;
    };
    const run = async (...argv: string[]): Promise<RunJson> => {
      const outcome = await cli('run', ...argv, '--format', 'json');
      assert.deepEqual(outcome.errors, []);
      assert.equal(outcome.status, 0);
      return JSON.parse(outcome.out) as RunJson;
    };

    it('lets the heartbeat beat ten times in a second', async () => {
      const json = await run(heartbeat, '--advance', '1s');
      assert.equal(json.kernel, '6.12');
      assert.equal(json.timers.length, 1);
      assert.equal(json.timers[0].fires, 10);
      assert.equal(json.timers[0].state, 'armed');
      assert.deepEqual(
        json.returnValues.map((r) => [r.program, r.value]),
        [['start', 2]],
      );
      assert.match(JSON.stringify(json.maps.beats), /"count":\s*(?:"10"|10)/);
    });

    it('gives the same bytes twice', async () => {
      const argv = ['run', heartbeat, '--advance', '1s', '--format', 'json'];
      assert.equal((await cli(...argv)).out, (await cli(...argv)).out);
    });

    it('lets a flow expire after thirty seconds, in no time', async () => {
      const before = await run(example('flow_expiry.bpf.c'), '--advance', '29s');
      assert.equal(before.maps.flows.length, 1);
      assert.equal(before.timers.length, 1);
      const after = await run(example('flow_expiry.bpf.c'), '--advance', '31s');
      assert.equal(after.maps.flows.length, 0);
      assert.equal(after.timers.length, 0);
    });

    it('shows in text what came of it', async () => {
      const outcome = await cli('run', heartbeat, '--advance', '250ms');
      assert.equal(outcome.status, 0);
      assert.match(outcome.out, /start returned 2/);
      assert.match(outcome.out, /beats\[0\]\.timer/);
    });

    it('plays a scenario file', async () => {
      const file = write(
        'two.bpf.yaml',
        ['version: 1', `object: ${heartbeat}`, 'steps:', '  - run: start', '  - advance: 550ms', ''].join(
          '\n',
        ),
      );
      const json = await run(file);
      assert.equal(json.timers[0].fires, 5);
    });
  });

  describe('the other commands', () => {
    it('disassemble with source lines', async () => {
      const outcome = await cli('disasm', heartbeat);
      assert.equal(outcome.status, 0);
      assert.match(outcome.out, /^start:$/m);
      assert.match(outcome.out, /\(85\) call bpf_timer_init#169/);
      assert.match(outcome.out, /r2 = map\[beats\]/);
      assert.match(outcome.out, /; if \(bpf_timer_init\(.* @ heartbeat\.bpf\.c:\d+/);
      const json = JSON.parse((await cli('disasm', heartbeat, '--format', 'json')).out) as {
        programs: { insns: { insn: number }[] }[];
      };
      assert.equal(json.programs[0].insns[0].insn, 0);
    });

    it('list the kernels and what verdicts for them rest on', async () => {
      const json = JSON.parse((await cli('kernels', '--format', 'json')).out) as {
        kernels: { name: string; basis: string; release: string; btf: string }[];
      };
      assert.deepEqual(
        json.kernels.filter((k) => k.basis === 'measured').map((k) => k.release),
        ['6.1.192', '6.12.117', '7.2.13'],
      );
      assert.match((await cli('kernels')).out, /6\.12 .*measured.*\(default\)/);
    });

    it('tell what is installed', async () => {
      const outcome = await cli('doctor');
      assert.equal(outcome.status, 0);
      assert.match(outcome.out, /C compiler: (?:clang|zig) /);
      const without = await cli('doctor', '--compiler', '/nowhere');
      assert.equal(without.status, 1);
      assert.match(without.out, /MISSING {3}C compiler/);
    });
  });

  it('serves the language and debug protocols on its standard streams', async function () {
    this.timeout(30_000);
    const entry = path.join(repoRoot, 'out', 'cli', 'main.js');
    const answerOf = (command: string, request: unknown): Promise<string> =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [entry, command, '--stdio']);
        let out = '';
        child.stdout.on('data', (chunk: Buffer) => {
          out += chunk.toString();
          if (!/"(?:capabilities|supportsConfigurationDoneRequest)"/.test(out)) return;
          child.kill();
          resolve(out);
        });
        child.on('error', reject);
        child.on('exit', () => resolve(out));
        const body = JSON.stringify(request);
        child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
      });
    const params = { processId: null, rootUri: null, capabilities: {} };
    const lsp = await answerOf('lsp', { jsonrpc: '2.0', id: 1, method: 'initialize', params });
    assert.match(lsp, /^Content-Length: \d+\r\n\r\n\{.*"textDocumentSync"/);
    const dap = await answerOf('dap', {
      seq: 1,
      type: 'request',
      command: 'initialize',
      arguments: { adapterID: 'bpf' },
    });
    assert.match(dap, /^Content-Length: \d+\r\n\r\n\{.*"success":true/);
  });

  it('as a process ends with the same status and keeps its streams apart', () => {
    const entry = path.join(repoRoot, 'out', 'cli', 'main.js');
    assert.match(execFileSync(process.execPath, [entry, '--version'], { encoding: 'utf8' }), /^\d/);
    const bad = spawnSync(process.execPath, [entry, 'verify', '/nowhere.o'], { encoding: 'utf8' });
    assert.equal(bad.status, 2);
    assert.equal(bad.stdout, '');
    assert.match(bad.stderr, /^bpf-studio: .*\n$/);
  });
});
