/**
 * What the kernel model does with a map type. Absent: not modelled, an object with such a map is verified but does not
 * run. The verifier does not read this; the compatibility page, hovers and the model do.
 */
export interface MapModel {
  readonly level: 'full' | 'partial';
  /** What differs from the kernel, for `partial`. */
  readonly note?: string;
}

const EMPTY = 'is created under the rules of its type and stays empty: ';

export const MAP_MODEL: Readonly<Partial<Record<string, MapModel>>> = {
  BPF_MAP_TYPE_ARENA: { level: 'partial', note: 'user space of a run does not look into it' },
  BPF_MAP_TYPE_ARRAY: { level: 'full' },
  BPF_MAP_TYPE_PERCPU_ARRAY: { level: 'full' },
  BPF_MAP_TYPE_ARRAY_OF_MAPS: { level: 'full' },
  BPF_MAP_TYPE_HASH_OF_MAPS: { level: 'full' },
  BPF_MAP_TYPE_PROG_ARRAY: { level: 'full' },
  BPF_MAP_TYPE_QUEUE: { level: 'full' },
  BPF_MAP_TYPE_STACK: { level: 'full' },
  BPF_MAP_TYPE_LPM_TRIE: { level: 'full' },
  BPF_MAP_TYPE_HASH: {
    level: 'partial',
    note: 'the order of keys repeats from run to run; in a kernel it is random',
  },
  BPF_MAP_TYPE_PERCPU_HASH: {
    level: 'partial',
    note: 'the order of keys repeats from run to run; in a kernel it is random',
  },
  BPF_MAP_TYPE_LRU_HASH: {
    level: 'partial',
    note: 'the order of keys repeats from run to run; in a kernel it is random',
  },
  BPF_MAP_TYPE_LRU_PERCPU_HASH: {
    level: 'partial',
    note: 'the order of keys repeats from run to run; in a kernel it is random',
  },
  BPF_MAP_TYPE_RINGBUF: { level: 'partial', note: 'nobody sleeps on it: wakeup flags change nothing' },
  BPF_MAP_TYPE_BLOOM_FILTER: { level: 'partial', note: 'as rarely wrong as a kernel, about other values' },
  BPF_MAP_TYPE_INSN_ARRAY: {
    level: 'partial',
    note: 'places in translated and compiled code stay zero in its entries',
  },
  BPF_MAP_TYPE_TASK_STORAGE: {
    level: 'partial',
    note: 'there is one task; user space cannot reach it by pidfd',
  },
  BPF_MAP_TYPE_SK_STORAGE: {
    level: 'partial',
    note: 'the only socket is that of a test run; user space cannot reach it',
  },
  BPF_MAP_TYPE_INODE_STORAGE: { level: 'partial', note: `${EMPTY}there are no inodes` },
  BPF_MAP_TYPE_CGRP_STORAGE: { level: 'partial', note: `${EMPTY}there are no cgroup objects` },
  BPF_MAP_TYPE_CGROUP_STORAGE: {
    level: 'partial',
    note: 'every run has a value of its own, as in a test run',
  },
  BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE: {
    level: 'partial',
    note: 'every run has a value of its own, as in a test run',
  },
  BPF_MAP_TYPE_PERF_EVENT_ARRAY: { level: 'partial', note: `${EMPTY}output is recorded as a note` },
  BPF_MAP_TYPE_CGROUP_ARRAY: { level: 'partial', note: `${EMPTY}there are no cgroup objects` },
  BPF_MAP_TYPE_DEVMAP: { level: 'partial', note: 'the only device is the loopback; no programs in values' },
  BPF_MAP_TYPE_DEVMAP_HASH: {
    level: 'partial',
    note: 'the only device is the loopback; no programs in values; the order of keys is that of insertion',
  },
  BPF_MAP_TYPE_CPUMAP: { level: 'partial', note: 'packets stay on their CPU; no programs in values' },
  BPF_MAP_TYPE_XSKMAP: { level: 'partial', note: `${EMPTY}there are no sockets` },
  BPF_MAP_TYPE_SOCKMAP: { level: 'partial', note: `${EMPTY}there are no sockets` },
  BPF_MAP_TYPE_SOCKHASH: { level: 'partial', note: `${EMPTY}there are no sockets` },
  BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: { level: 'partial', note: `${EMPTY}there are no sockets` },
  BPF_MAP_TYPE_STACK_TRACE: { level: 'partial', note: `${EMPTY}stacks are not collected` },
  BPF_MAP_TYPE_USER_RINGBUF: { level: 'partial', note: `${EMPTY}user space submits nothing` },
};
