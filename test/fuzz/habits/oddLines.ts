/** Descriptions with something missing, wrong or unusual: types, maps, functions, flags, licences, fields of JSON. */
import type { RawMap, RawProgram } from '../../../runtime/loader/rawProgram';
import { ProgramBuilder, SIZES } from '../builder';

const MAP_TYPES = [
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
];

class OddLines extends ProgramBuilder {
  constructor(seed: number) {
    super(seed, 0x0dd);
  }

  build(): RawProgram {
    const count = this.below(3);
    for (let i = 0; i < count; i++) this.maps.push(this.map(0));
    this.body(count);
    const finished = this.finish({ typed: !this.oneIn(3) });
    const extra: Record<string, unknown> = {};
    if (!this.oneIn(5))
      extra.type = this.oneIn(2)
        ? this.pick([
            'tc',
            'filter',
            'xdp',
            'kprobe',
            'sched_act',
            'syscall',
            'tracing',
            'lsm',
            'ext',
            'struct_ops',
            'unspec',
            'netfilter',
            'sk_msg',
          ])
        : this.between(0, 34);
    if (this.oneIn(4)) extra.expected_attach_type = this.below(64);
    if (this.oneIn(10)) extra.attach_btf_id = this.pick([0, 1, 100, 5000, 20000, 1 << 20, 2 ** 31]);
    if (this.oneIn(6)) extra.flags = this.pick([0, 1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 1 << 16, 24]);
    if (this.oneIn(6))
      extra.license = this.pick([
        'GPL',
        'GPL v2',
        'Dual BSD/GPL',
        '',
        'x',
        'gpl',
        'Dual MIT/GPL',
        'Apache-2.0',
      ]);
    if (this.oneIn(8)) extra.funcs = this.functions();
    if (this.oneIn(30))
      extra.insns = this.pick([
        '',
        '95',
        '9500000000000000 b7',
        finished.insns.toUpperCase(),
        finished.insns.slice(0, -1),
        finished.insns.slice(0, -16),
        'zz',
      ]);
    return { ...finished, ...extra };
  }

  private functions(): [number, number][] {
    const at = [0, 1, 2, 3, this.insns.length - 1, this.insns.length];
    return Array.from({ length: this.below(4) }, (_, i) => [
      i === 0 ? this.pick([0, 0, 0, 1]) : this.pick(at),
      this.below(8),
    ]);
  }

  private map(depth: number): RawMap {
    const type = this.pick(MAP_TYPES);
    const usual: RawMap = {
      type,
      key: this.pick([4, 4, 4, 8, 0, 1, 16, 512]),
      value: this.pick([4, 4, 8, 8, 0, 1, 16, 64, 70000]),
      max: this.pick([1, 1, 2, 16, 0, 4096, 5000]),
    };
    const flags = this.oneIn(4)
      ? 1 << this.below(20)
      : type === 'lpm_trie' || type.endsWith('_storage')
        ? 1
        : type === 'arena'
          ? 1 << 10
          : undefined;
    const named: [string, number][] = [
      [this.pick(['timer', 'spin_lock', 'wq', 'list_head', 'rb_root', 'refcount']), 8 * this.below(3)],
    ];
    return {
      ...usual,
      ...(flags === undefined ? {} : { flags }),
      ...(this.oneIn(5) ? { fields: named } : {}),
      ...((type.endsWith('of_maps') || this.oneIn(30)) && depth < 2 ? { inner: this.map(depth + 1) } : {}),
      ...(this.oneIn(12) ? { freeze: 1 } : {}),
    };
  }

  private body(maps: number): void {
    this.constant(0, 0);
    this.storeNumber(SIZES[3], 10, -8, 0);
    for (let n = this.below(4); n > 0; n--) {
      switch (this.below(5)) {
        case 0:
          this.wide(1, this.between(-1, maps), this.oneIn(4) ? 1 : 0, 1);
          break;
        case 1:
          this.wide(2, this.below(Math.max(1, maps)), this.pick([0, 0, 8, 1 << 29]), 2);
          this.load(this.pick(SIZES), 3, 2, 0);
          break;
        case 2:
          if (maps === 0) break;
          this.wide(1, this.below(maps), 0, 1);
          this.address(2, 10, -8);
          this.address(3, 10, -8);
          this.constant(4, 0);
          this.helper(this.pick([1, 2, 3, 87, 88, 12, 25, 51]));
          if (this.oneIn(2)) {
            this.unlessNull(0);
            this.load(this.pick(SIZES), 3, 0, 0);
          }
          this.constant(0, 0);
          break;
        case 3:
          this.callFunction(
            this.define('f', this.below(7), () => {
              this.constant(0, 0);
              this.exit();
            }),
          );
          break;
        default:
          this.load(SIZES[2], 3, 1, 4 * this.below(6));
      }
    }
    this.constant(0, this.below(2));
    this.exit();
  }
}

export const oddLines = (seed: number): RawProgram => new OddLines(seed).build();
