/** Kernel type information: what ships, what a user may name, what is refused. */
import * as assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { findType, withoutModules } from '../../runtime/btf/query';
import { kconfigFor } from '../../runtime/host/kconfig';
import { kernelBtfFor, nearestShipped } from '../../runtime/host/kernelBtf';
import { resourceFolder } from '../../runtime/host/resources';
import { readPcap } from '../../runtime/host/pcap';
import { PROFILES, findProfile } from '../../runtime/spec/profile';
import { assert as sure } from '../../runtime/util/assert';
import { fixture } from '../support/paths';

const profile = (name: string): (typeof PROFILES)[number] => {
  const found = findProfile(name);
  sure(found, name);
  return found;
};

describe('kernel type information', () => {
  it('ships for every measured kernel, within its budget', () => {
    for (const { name, basis } of PROFILES) {
      const file = path.join(resourceFolder('btf'), `${name}.btf.br`);
      assert.equal(fs.existsSync(file), basis === 'measured', name);
      if (basis === 'measured') assert.ok(fs.statSync(file).size <= 1_500_000);
    }
  });

  it('of a profile by facts is its next measured neighbour', () => {
    assert.equal(nearestShipped(profile('6.12'))?.name, '6.12');
    assert.equal(nearestShipped(profile('5.15'))?.name, '6.1');
    assert.equal(nearestShipped(profile('6.6'))?.name, '6.12');
    assert.equal(nearestShipped(profile('6.18'))?.name, '7.2');
  });

  it('knows the kernel: structs, functions, and since when', () => {
    const old = kernelBtfFor(profile('6.1'));
    const now = kernelBtfFor(profile('7.2'));
    assert.ok(old.ok && now.ok);
    for (const { btf } of [old.value, now.value]) {
      assert.ok(findType(btf, 'task_struct', 'struct') > 0);
      assert.ok(findType(btf, 'do_nanosleep', 'func') > 0);
      assert.ok(findType(btf, 'bpf_timer', 'struct') > 0);
    }
    assert.equal(findType(old.value.btf, 'bpf_wq', 'struct'), 0);
    assert.ok(findType(now.value.btf, 'bpf_wq', 'struct') > 0);
    assert.match(now.value.origin, /7\.2\.13/);
  });

  it('includes the modules that programs call, and says where they begin', () => {
    for (const name of ['6.1', '6.12', '7.2']) {
      const found = kernelBtfFor(profile(name));
      assert.ok(found.ok);
      const { btf } = found.value;
      for (const kfunc of ['bpf_ct_release', 'bpf_skb_ct_lookup', 'bpf_ct_set_nat_info'])
        assert.ok(findType(btf, kfunc, 'func') >= (btf.modulesFrom ?? Infinity), `${name} ${kfunc}`);
      assert.equal(findType(withoutModules(btf), 'bpf_ct_release', 'func'), 0);
      assert.ok(findType(btf, 'task_struct', 'struct') < (btf.modulesFrom ?? 0));
    }
  });

  it('may be a file of the user: raw, or inside an ELF file', () => {
    const found = kernelBtfFor(profile('6.12'), { file: fixture('host', 'heartbeat.o') });
    assert.ok(found.ok);
    assert.ok(findType(found.value.btf, 'beat', 'struct') > 0);
  });

  it('that is no BTF, cut off or not there is one clear problem', () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bpf-studio-test-'));
    try {
      const whole = fs.readFileSync(fixture('host', 'heartbeat.o'));
      const bad: [string, Uint8Array][] = [
        ['empty', new Uint8Array()],
        ['text', Buffer.from('hello')],
        ['cut', whole.subarray(0, 3000)],
        ['elf', whole.subarray(0, 64)],
      ];
      for (const [name, bytes] of bad) {
        const file = path.join(dir, name);
        fs.writeFileSync(file, bytes);
        const found = kernelBtfFor(profile('6.12'), { file });
        assert.ok(!found.ok, name);
        assert.ok(JSON.stringify(found.problem).includes(name), JSON.stringify(found.problem));
      }
      assert.ok(!kernelBtfFor(profile('6.12'), { file: path.join(dir, 'none') }).ok);
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });
});

describe('captures', () => {
  const header = (magic: number, link: number): Buffer => {
    const bytes = Buffer.alloc(24);
    bytes.writeUInt32LE(magic, 0);
    bytes.writeUInt32LE(link, 20);
    return bytes;
  };
  const packet = (...data: number[]): Buffer => {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(data.length, 8);
    bytes.writeUInt32LE(data.length, 12);
    return Buffer.concat([bytes, Buffer.from(data)]);
  };

  it('give their packets', () => {
    const bytes = Buffer.concat([header(0xa1b2c3d4, 1), packet(1, 2, 3), packet(4)]);
    const found = readPcap('a.pcap', bytes);
    assert.ok(found.ok);
    assert.deepEqual(
      found.value.map((p) => [...p]),
      [[1, 2, 3], [4]],
    );
  });

  it('that are damaged or of another kind are one clear problem', () => {
    const good = Buffer.concat([header(0xa1b2c3d4, 1), packet(1, 2, 3)]);
    const huge = Buffer.from(good);
    huge.writeUInt32LE(0x7fffffff, 24 + 8);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('nothing at all'),
      header(0xa1b2c3d4, 1),
      header(0xa1b2c3d4, 105),
      Buffer.from([0x0a, 0x0d, 0x0d, 0x0a, 0, 0]),
      good.subarray(0, good.length - 1),
      huge,
    ]) {
      const found = readPcap('a.pcap', bytes);
      assert.ok(!found.ok);
      assert.equal(found.problem.place?.file, 'a.pcap');
    }
  });
});

describe('kernel configurations', () => {
  it('are those of the measured kernels, and of a neighbour for the others', () => {
    for (const { name, hz } of PROFILES) {
      const options = kconfigFor(profile(name));
      assert.equal(options.get('CONFIG_HZ'), String(hz), name);
      assert.equal(options.get('CONFIG_SMP'), 'y');
      assert.equal(options.get('CONFIG_PREEMPT_RT'), undefined);
      assert.ok(options.size > 2500);
    }
    assert.equal(kconfigFor(profile('6.1')).get('CONFIG_SCHED_CLASS_EXT'), undefined);
    assert.equal(kconfigFor(profile('7.2')).get('CONFIG_SCHED_CLASS_EXT'), 'y');
  });
});
