/** The fact tables agree with themselves and with what the kernels' own BTF and verdicts said. */
import * as assert from 'node:assert/strict';
import { ATTACH_TYPES } from '../../runtime/spec/attachTypes';
import { fieldAt } from '../../runtime/spec/ctxField';
import { CTX_RIGHTS, SK_BUFF, XDP_MD } from '../../runtime/spec/ctxFields';
import { ERRNO, errnoName } from '../../runtime/spec/errno';
import { HELPERS, helperById, helperByName } from '../../runtime/spec/helpers';
import { HELPER_PROGRAMS, helperAllowed, kernelHasHelper } from '../../runtime/spec/helperPrograms';
import { HELPER_MAP_TYPES, MAP_TYPES, mapTypeByName } from '../../runtime/spec/mapTypes';
import { findProfile, type Profile } from '../../runtime/spec/profile';
import { PROG_TYPES, progTypeByName, returnRange } from '../../runtime/spec/progTypes';

const profile = (name: string): Profile => {
  const found = findProfile(name);
  assert.ok(found);
  return found;
};

const unique = (values: readonly (string | number)[]): void =>
  assert.equal(new Set(values).size, values.length);

describe('fact tables of the verifier', () => {
  it('list every helper once, numbered without gaps', () => {
    assert.deepEqual(
      HELPERS.map((row) => row.id),
      Array.from({ length: 211 }, (_, n) => n + 1),
    );
    unique(HELPERS.map((row) => row.name));
    assert.equal(helperById(169)?.name, 'bpf_timer_init');
    assert.equal(helperByName('bpf_timer_cancel')?.id, 172);
    assert.equal(helperById(212), undefined);
  });

  it('give every size argument a memory argument before it', () => {
    for (const row of HELPERS) {
      row.args.forEach((arg, n) => {
        if (arg === 'size' || arg === 'sizeOrZero') {
          assert.match(
            row.args[n - 1] ?? '',
            /mem$|Mem$|MemOrNull$|memOrNull$/,
            `${row.name} argument ${n + 1}`,
          );
        }
      });
    }
  });

  it('know which kernel has which helper', () => {
    assert.ok(!kernelHasHelper(profile('6.1'), 210));
    assert.ok(kernelHasHelper(profile('6.12'), 210));
    assert.ok(!kernelHasHelper(profile('5.15'), 181));
    assert.ok(kernelHasHelper(profile('6.1'), 181));
  });

  it('know which programs may call which helper', () => {
    const xdp = 'BPF_PROG_TYPE_XDP';
    assert.equal(helperAllowed(profile('6.12'), xdp, undefined, 44), 'yes');
    assert.equal(helperAllowed(profile('6.12'), xdp, undefined, 16), 'no');
    assert.equal(helperAllowed(profile('7.2'), xdp, undefined, 16), 'yes');
    assert.equal(helperAllowed(profile('6.12'), 'BPF_PROG_TYPE_EXT', undefined, 1), 'unknown');
    for (const type of ['XDP', 'SCHED_CLS', 'SOCKET_FILTER', 'KPROBE', 'SYSCALL', 'TRACING']) {
      for (const id of [169, 170, 171, 172]) {
        assert.equal(helperAllowed(profile('6.12'), `BPF_PROG_TYPE_${type}`, undefined, id), 'yes');
      }
    }
    for (const row of HELPER_PROGRAMS) assert.ok(progTypeByName(row.type), row.type);
  });

  it('number program, map and attach types as the kernel does', () => {
    unique(PROG_TYPES.map((row) => row.id));
    unique(MAP_TYPES.map((row) => row.id));
    unique(ATTACH_TYPES.map((row) => row.id));
    assert.equal(progTypeByName('BPF_PROG_TYPE_XDP')?.id, 6);
    assert.equal(mapTypeByName('BPF_MAP_TYPE_LRU_HASH')?.id, 9);
    assert.equal(mapTypeByName('BPF_MAP_TYPE_RHASH')?.id, 35);
  });

  it('agree on which helper takes which map', () => {
    for (const [name, types] of Object.entries(HELPER_MAP_TYPES)) {
      assert.ok(helperByName(name), name);
      for (const type of types ?? []) {
        const row = mapTypeByName(type);
        assert.ok(row, type);
        if (row.helpers !== undefined)
          assert.ok((row.helpers as readonly string[]).includes(name), `${name} on ${type}`);
      }
    }
  });

  it('let timers live in arrays and hashes only', () => {
    const names = MAP_TYPES.filter((row) => row.timers === true).map((row) => row.name);
    assert.deepEqual(names.sort(), [
      'BPF_MAP_TYPE_ARRAY',
      'BPF_MAP_TYPE_HASH',
      'BPF_MAP_TYPE_LRU_HASH',
      'BPF_MAP_TYPE_RHASH',
    ]);
  });

  it('place context fields without overlap, inside their struct', () => {
    for (const struct of [XDP_MD, SK_BUFF]) {
      let end = 0;
      for (const field of struct.fields) {
        assert.ok(field.offset >= end, `${struct.name}.${field.name}`);
        end = field.offset + field.sizeBytes;
      }
      assert.ok(end <= struct.sizeBytes);
    }
    assert.equal(fieldAt(SK_BUFF, 50)?.name, 'cb');
    for (const rights of Object.values(CTX_RIGHTS)) {
      const names = rights.struct.fields.map((field) => field.name);
      for (const name of [...rights.hidden, ...rights.writable]) assert.ok(names.includes(name), name);
    }
  });

  it('know return ranges by attach type', () => {
    const skb = progTypeByName('BPF_PROG_TYPE_CGROUP_SKB');
    const tracing = progTypeByName('BPF_PROG_TYPE_TRACING');
    const xdp = progTypeByName('BPF_PROG_TYPE_XDP');
    assert.ok(skb && tracing && xdp);
    assert.deepEqual(returnRange(skb, 'BPF_CGROUP_INET_EGRESS'), { min: 0, max: 3 });
    assert.deepEqual(returnRange(skb, 'BPF_CGROUP_INET_INGRESS'), { min: 0, max: 1 });
    assert.equal(returnRange(tracing, 'BPF_MODIFY_RETURN'), undefined);
    assert.equal(returnRange(xdp, undefined), undefined);
  });

  it('name error numbers both ways', () => {
    assert.equal(errnoName(-22), 'EINVAL');
    assert.equal(ERRNO.ENOTSUPP, 524);
    assert.equal(errnoName(9999), undefined);
  });
});
