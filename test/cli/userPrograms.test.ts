/** Programs as people bring them: hooks that nothing fires here, maps that their own loaders size, old compilers' headers. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { cli } from './runCli';

const HEAD = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
char _license[] SEC("license") = "GPL";
int seen;
`;
const FENTRY = `SEC("fentry/do_nanosleep") int BPF_PROG(hook, struct hrtimer_sleeper *t) { seen = t->task == 0 ? 7 : 8; return 0; }
`;

describe("a user's program", () => {
  let folder: string;
  before(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'user-program-'));
  });
  after(() => fs.rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    fs.writeFileSync(file, text);
    return file;
  };
  const seenIn = (out: string): unknown => {
    const report = JSON.parse(out) as { maps: Record<string, { value: { seen: number } }[]> };
    const data = Object.entries(report.maps).find(([name]) => name.endsWith('.bss'));
    return data?.[1][0].value.seen;
  };

  it('on a tracing hook is called once with zeroed arguments, which it may follow as in a kernel', async () => {
    const file = write('hook.bpf.c', HEAD + FENTRY);
    const json = await cli('run', file, '--format', 'json');
    assert.equal(json.status, 0, json.errors.join('\n'));
    assert.equal(seenIn(json.out), 7);
    assert.match((await cli('run', file)).out, /^hook returned 0 \(called with zeroed arguments/m);
  });

  it('on a probe runs when nothing else can, else is named as not run', async () => {
    const probe = 'SEC("kprobe/do_nanosleep") int BPF_KPROBE(probe) { seen += 1; return 0; }\n';
    const alone = await cli('run', write('probe.bpf.c', HEAD + probe), '--format', 'json');
    assert.equal(seenIn(alone.out), 1);
    const beside = await cli('run', write('both.bpf.c', HEAD + probe + FENTRY));
    assert.match(beside.out, /^not run, as nothing fires their hooks .*: probe$/m);
    assert.match(beside.out, /seen: 7/);
  });

  it('whose hook the kernel does not have does not keep the others from running', async () => {
    const gone = 'SEC("fentry/no_such_function") int BPF_PROG(gone) { return 0; }\n';
    const run = await cli('run', write('gone.bpf.c', HEAD + gone + FENTRY));
    assert.equal(run.status, 0);
    assert.match(run.errors.join('\n'), /left out: .*'gone'.*no_such_function/);
    assert.match(run.out, /^hook returned 0/m);
    const alone = await cli('run', write('alone.bpf.c', HEAD + gone));
    assert.equal(alone.status, 2);
  });

  it('finds its task, and takes the path for there being no stacks and routes', async () => {
    const text = `struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(key_size, 4); __uint(value_size, 8 * 16); } stacks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
SEC("tp/sched/sched_switch") int stack(void *ctx) {
  struct task_struct *task = (void *)bpf_get_current_task();
  seen = bpf_get_stackid(ctx, &stacks, 0) + BPF_CORE_READ(task, pid);
  bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &seen, sizeof(seen));
  return 0;
}
`;
    const run = await cli('run', write('stack.bpf.c', HEAD + text), '--format', 'json');
    assert.equal(run.status, 0, run.errors.join('\n'));
    const [pid, efault] = [4242, 14];
    assert.equal(seenIn(run.out), pid - efault);
    const route = `SEC("xdp") int route(struct xdp_md *ctx) {
  struct bpf_fib_lookup fib = { .family = 2, .ifindex = 1 };
  seen = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
  return XDP_PASS;
}
`;
    assert.equal(seenIn((await cli('run', write('route.bpf.c', HEAD + route), '--format', 'json')).out), 5);
  });
});
