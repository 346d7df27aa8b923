/**
 * The kernel's own objects as programs see them: tasks, maps, packets, devices, variables. They have the layout that the
 * kernel's type information says, the fields that the model knows of, and zeros for the rest: a program that goes on through
 * a pointer there reads zeros, as it would through NULL in a kernel. Without type information there are none.
 *
 * Objects are made when they are asked for, and stay.
 */
import { memberPlace } from '../btf/memberPath';
import { findType, resolveModifiers, sizeOfType } from '../btf/query';
import type { Btf } from '../btf/types';
import type { Kernel } from '../kernel/kernel';
import type { ContextKind } from '../kernel/state';
import { familyOf } from '../maps/maps';
import type { MapDefinition } from '../maps/bpfMap';
import type { MapRecord } from '../maps/mapFamily';
import { mapTypeByName } from '../spec/mapTypes';
import { has } from '../spec/profile';
import { utf8Encode } from '../util/utf8';
import { memoryAddress } from '../vm/addresses';
import type { Packet } from './protocol';

const COMM_BYTES = 16;
const USUAL_PRIORITY = 120n;
const INIT_PID = 1;
const LOOPBACK_IFINDEX = 1n;
const LOOPBACK_MTU = 65536n;
/** IFF_LOOPBACK; the device is not up. */
const LOOPBACK_FLAGS = 8n;

type Fields = Readonly<Record<string, bigint | Uint8Array>>;

/** An object of a struct, made if it is not there. @returns its linear offset, 0: there is no such struct */
function objectOf(kernel: Kernel, struct: string, name: string, fill: (at: number) => Fields): number {
  const key = `struct ${struct} ${name}`.trimEnd();
  const known = kernel.state.objects.find((object) => object.key === key);
  if (known !== undefined) return known.at;
  const btf = kernel.kernelTypes();
  const id = btf === undefined ? 0 : findType(btf, struct, 'struct');
  if (btf === undefined || id === 0) return 0;
  const sizeBytes = sizeOfType(btf, id) ?? 0;
  const at = kernel.memory.allocate(sizeBytes);
  kernel.memory.addRegion('scratch', at, sizeBytes, key, false);
  kernel.state.objects = [...kernel.state.objects, { key, at }];
  setFields(kernel, btf, id, at, fill(at));
  return at;
}

/** Names that this kernel's struct does not have are passed over. */
function setFields({ memory }: Kernel, btf: Btf, structId: number, at: number, fields: Fields): void {
  for (const [name, field] of Object.entries(fields)) {
    const place = memberPlace(btf, structId, name);
    if (place === undefined) continue;
    const first = at + (place.offsetBits >>> 3);
    if (typeof field !== 'bigint') {
      memory.write(first, field.subarray(0, place.sizeBits >>> 3));
      continue;
    }
    const shift = BigInt(place.offsetBits & 7);
    const mask = ((1n << BigInt(place.sizeBits)) - 1n) << shift;
    const bytes = Math.ceil(((place.offsetBits & 7) + place.sizeBits) / 8);
    for (let i = 0; i < Math.min(8, bytes); i++) {
      const part = BigInt(8 * i);
      const kept = BigInt(memory.load8(first + i)) & ~(mask >> part);
      memory.store8(first + i, Number((kept | (((field << shift) & mask) >> part)) & 0xffn));
    }
  }
}

function refresh(kernel: Kernel, struct: string, at: number, fields: Fields): void {
  const btf = kernel.kernelTypes();
  const id = btf === undefined ? 0 : findType(btf, struct, 'struct');
  if (btf !== undefined && id !== 0 && at !== 0) setFields(kernel, btf, id, at, fields);
}

const pointer = (at: number): bigint => (at === 0 ? 0n : memoryAddress(at));

// ---- Tasks -----------------------------------------------------------------------------------------------------

interface TaskNames {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
}

/** Tasks that every system has. */
const KNOWN_TASKS: readonly TaskNames[] = [
  { pid: 0, tgid: 0, comm: 'swapper/0' },
  { pid: INIT_PID, tgid: INIT_PID, comm: 'init' },
  { pid: 2, tgid: 2, comm: 'kthreadd' },
];

function taskObject(kernel: Kernel, task: TaskNames): number {
  return objectOf(kernel, 'task_struct', `${task.pid} ${task.comm}`, (at) => {
    const parentOf = task.pid > 2 ? KNOWN_TASKS[1] : KNOWN_TASKS[0];
    const parent = pointer(task.pid === 0 ? at : taskObject(kernel, parentOf));
    const comm = new Uint8Array(COMM_BYTES);
    comm.set(utf8Encode(task.comm).subarray(0, COMM_BYTES - 1));
    const cpus = (1n << BigInt(kernel.cpuCount)) - 1n;
    return {
      pid: BigInt(task.pid),
      tgid: BigInt(task.tgid),
      comm,
      group_leader: pointer(at),
      real_parent: parent,
      parent,
      prio: USUAL_PRIORITY,
      static_prio: USUAL_PRIORITY,
      normal_prio: USUAL_PRIORITY,
      nr_cpus_allowed: BigInt(kernel.cpuCount),
      'cpus_mask.bits': Uint8Array.of(Number(cpus & 0xffn)),
      cpus_ptr: pointer(at + memberOffset(kernel, 'task_struct', 'cpus_mask')),
      cred: pointer(objectOf(kernel, 'cred', '', () => ({}))),
      real_cred: pointer(objectOf(kernel, 'cred', '', () => ({}))),
    };
  });
}

function memberOffset(kernel: Kernel, struct: string, member: string): number {
  const btf = kernel.kernelTypes();
  const place = btf && memberPlace(btf, findType(btf, struct, 'struct'), member);
  return (place?.offsetBits ?? 0) >>> 3;
}

/** Address of the current task; 0 without type information. */
export const currentTask = (kernel: Kernel): bigint => pointer(taskObject(kernel, kernel.state.current));

/** Address of the task with that number; 0: there is none. */
export function taskByPid(kernel: Kernel, pid: number): bigint {
  if (pid === 0) return 0n;
  const { current } = kernel.state;
  const task = pid === current.pid ? current : KNOWN_TASKS.find((known) => known.pid === pid);
  return task === undefined ? 0n : pointer(taskObject(kernel, task));
}

// ---- Maps ------------------------------------------------------------------------------------------------------

const round8 = (sizeBytes: number): number => (sizeBytes + 7) & ~7;
const powerAbove = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

function definitionFields(kernel: Kernel, definition: MapDefinition): Fields {
  const { name, id, keySizeBytes, valueSizeBytes, maxEntries, flags, mapExtra, innerTemplate } = definition;
  const row = mapTypeByName(definition.type);
  const prefix = row?.kernelStruct === 'bpf_map' || row === undefined ? '' : 'map.';
  const label = new Uint8Array(COMM_BYTES);
  label.set(utf8Encode(name).subarray(0, COMM_BYTES - 1));
  const elementBytes = round8(valueSizeBytes);
  const buckets = powerAbove(maxEntries);
  return {
    [`${prefix}map_type`]: BigInt(row?.id ?? 0),
    [`${prefix}key_size`]: BigInt(keySizeBytes),
    [`${prefix}value_size`]: BigInt(valueSizeBytes),
    [`${prefix}max_entries`]: BigInt(maxEntries),
    [`${prefix}map_flags`]: BigInt(flags),
    [`${prefix}map_extra`]: mapExtra,
    [`${prefix}id`]: BigInt(id),
    [`${prefix}name`]: label,
    [`${prefix}numa_node`]: 0xffff_ffffn,
    [`${prefix}ops`]: pointer(objectOf(kernel, 'bpf_map_ops', definition.type, () => ({}))),
    [`${prefix}inner_map_meta`]:
      innerTemplate === undefined ? 0n : pointer(definitionObject(kernel, innerTemplate, `of ${name}`)),
    // Arrays and hash tables.
    elem_size: BigInt(/HASH/.test(definition.type) ? elementBytes + round8(keySizeBytes) + 48 : elementBytes),
    index_mask: BigInt(buckets - 1),
    n_buckets: BigInt(buckets),
  };
}

const definitionObject = (kernel: Kernel, definition: MapDefinition, name: string): number =>
  objectOf(kernel, mapTypeByName(definition.type)?.kernelStruct ?? 'bpf_map', name, () =>
    definitionFields(kernel, definition),
  );

const mapKey = (map: MapRecord): string => `${map.definition.id}`;

/** Linear offset of a map's own object, made if it is not there; 0 without type information. */
export const mapObject = (kernel: Kernel, map: MapRecord): number =>
  definitionObject(kernel, map.definition, mapKey(map));

/** The same, 0 if nobody made it yet. What changes in it is as it is now. */
export function madeMapObject(kernel: Kernel, map: MapRecord): number {
  const struct = mapTypeByName(map.definition.type)?.kernelStruct ?? 'bpf_map';
  const key = `struct ${struct} ${mapKey(map)}`;
  const at = kernel.state.objects.find((object) => object.key === key)?.at ?? 0;
  if (struct === 'bpf_htab')
    refresh(kernel, struct, at, { 'count.counter': BigInt(familyOf(map).entryCount(kernel, map)) });
  return at;
}

// ---- Packets ---------------------------------------------------------------------------------------------------

const namespaceObject = (kernel: Kernel): number =>
  objectOf(kernel, 'net', '', () => ({
    'ns.inum': has(kernel.profile, 'fixedNamespaceNumbers') ? 0xefff_fff9n : 0xf000_0000n,
  }));

function loopback(kernel: Kernel): bigint {
  const name = new Uint8Array(COMM_BYTES);
  name.set(utf8Encode('lo'));
  return pointer(
    objectOf(kernel, 'net_device', 'lo', () => ({
      name,
      ifindex: LOOPBACK_IFINDEX,
      mtu: LOOPBACK_MTU,
      flags: LOOPBACK_FLAGS,
      'nd_net.net': pointer(namespaceObject(kernel)),
    })),
  );
}

/** The kernel's object behind a packet's context, as the packet is now; 0 without type information. */
export function packetObject(
  kernel: Kernel,
  context: bigint,
  packet: Packet,
  field: (name: string) => bigint,
): bigint {
  const address = (at: number): bigint => memoryAddress(at);
  const name = `at ${context.toString(16)}`;
  if (packet.kind === 'xdp') {
    const queue = objectOf(kernel, 'xdp_rxq_info', 'lo', () => ({ dev: loopback(kernel) }));
    const at = objectOf(kernel, 'xdp_buff', name, () => ({}));
    refresh(kernel, 'xdp_buff', at, {
      data: address(packet.data),
      data_end: address(packet.dataEnd),
      data_meta: address(packet.meta),
      data_hard_start: address(packet.start),
      rxq: pointer(queue),
      frame_sz: 4096n,
    });
    return pointer(at);
  }
  const at = objectOf(kernel, 'sk_buff', name, () => ({}));
  refresh(kernel, 'sk_buff', at, {
    len: BigInt(packet.dataEnd - packet.data),
    head: address(packet.start),
    data: address(packet.data),
    tail: BigInt(packet.dataEnd - packet.start),
    end: BigInt(packet.limit - packet.start),
    dev: loopback(kernel),
    skb_iif: field('ingress_ifindex'),
    mark: field('mark'),
    priority: field('priority'),
    protocol: field('protocol'),
    pkt_type: field('pkt_type'),
    hash: field('hash'),
    tstamp: field('tstamp'),
    queue_mapping: field('queue_mapping'),
    sk: field('sk'),
  });
  refresh(kernel, 'skb_shared_info', packet.limit, {
    gso_segs: field('gso_segs'),
    gso_size: field('gso_size'),
  });
  return pointer(at);
}

// ---- Variables -------------------------------------------------------------------------------------------------

const PERCPU_SECTION = '.data..percpu';
/** Addresses like those of kernel symbols, each its own. */
const FIRST_SYMBOL = 0xffff_ffff_8100_0000n;
const SYMBOL_STEP_BYTES = 0x1000n;

/** Address of a symbol that is known by its name alone: nothing can be read there. */
export const symbolAddress = (nth: number): bigint => FIRST_SYMBOL + BigInt(nth + 1) * SYMBOL_STEP_BYTES;

/** Address of a function of the kernel's; 0: the kernel has none of that name, or its types are not known. */
export function functionByName(kernel: Kernel, name: string): bigint {
  const btf = kernel.kernelTypes();
  const id = btf === undefined ? 0 : findType(btf, name, 'func');
  return id === 0 ? 0n : symbolAddress(id);
}

/**
 * Address of a variable of the kernel's, zeros but for what the model knows. Of a variable that every CPU has, the first CPU's;
 * `variableOnCpu` finds the others'. 0: it has no type that is known here.
 */
export function variableAddress(kernel: Kernel, name: string, btfId: number): bigint {
  const key = `variable ${name}`;
  const known = kernel.state.objects.find((object) => object.key === key);
  if (known !== undefined) return memoryAddress(known.at);
  const btf = kernel.kernelTypes();
  const symbol = btf?.types[btfId];
  if (btf === undefined || symbol === undefined) return 0n;
  if (symbol.kind === 'func') return symbolAddress(btfId);
  if (symbol.kind !== 'var') return 0n;
  const sizeBytes = sizeOfType(btf, symbol.type);
  if (sizeBytes === undefined) return 0n;
  const section = btf.types[findType(btf, PERCPU_SECTION, 'datasec')];
  const isPerCpu = section?.kind === 'datasec' && section.vars.some((entry) => entry.type === btfId);
  const copies = isPerCpu ? kernel.cpuCount : 1;
  const strideBytes = round8(Math.max(1, sizeBytes));
  const at = kernel.memory.allocate(strideBytes * copies);
  kernel.memory.addRegion('scratch', at, strideBytes * copies, key, false);
  kernel.state.objects = [...kernel.state.objects, { key, at, ...(isPerCpu ? { strideBytes } : {}) }];
  const struct = resolveModifiers(btf, symbol.type);
  for (let cpu = 0; cpu < copies && isPerCpu; cpu++)
    if (btf.types[struct].name === 'rq')
      setFields(kernel, btf, struct, at + cpu * strideBytes, { cpu: BigInt(cpu) });
  return memoryAddress(at);
}

/** Where the counter is that says what interrupts what, by kernel. */
const CONTEXT_COUNTERS: Readonly<Record<string, string | undefined>> = {
  'variable __preempt_count': undefined,
  'variable pcpu_hot': 'preempt_count',
};
const CONTEXT_COUNTS: Readonly<Record<ContextKind, number>> = {
  task: 0,
  softirq: 0x100,
  hardirq: 0x1_0000,
  nmi: 0x10_0000,
};

/** Address of a CPU's copy of a variable of the kernel's, as it is now; undefined: the address is of none that every CPU has. */
export function variableOnCpu(kernel: Kernel, address: bigint, cpu: number): bigint | undefined {
  const object = kernel.state.objects.find(({ at }) => memoryAddress(at) === address);
  if (object?.strideBytes === undefined) return undefined;
  const at = object.at + cpu * object.strideBytes;
  if (object.key in CONTEXT_COUNTERS) {
    const member = CONTEXT_COUNTERS[object.key];
    const offset = member === undefined ? 0 : memberOffset(kernel, 'pcpu_hot', member);
    let count = 0;
    for (const { kind } of kernel.state.cpus[cpu].contexts) count += CONTEXT_COUNTS[kind];
    kernel.memory.store32(at + offset, count);
  }
  return memoryAddress(at);
}
