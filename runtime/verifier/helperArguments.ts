/**
 * The arguments of a helper call: each argument kind of `spec/helpers.ts` has one rule here (a missing rule does not
 * compile). A rule sees the register, checks its type, offset and the memory behind it, and notes in the `Call` what
 * later arguments and the call's effects need.
 * Evidence: expected-type lists measured by passing every helper a wrong register on 6.1, 6.12 and 7.2.
 */
import { findType } from '../btf/query';
import type { SpecialField } from '../btf/specialFields';
import type { MapSpec } from '../loader/objectSpec';
import type { ArgKind, HelperPrototype, HelperRow } from '../spec/helpers';
import { isContextAsItIs } from '../spec/progTypes';
import { assert } from '../util/assert';
import { hasFeature, regOf, reject, unknown, type FeatureFlags, type VerifierEnv } from './env';
import { allocatedFields } from './allocated';
import { checkUnmodifiedPointer } from './contextAccess';
import { checkSpinLock } from './helperLocks';
import { checkExchanged, exchangedField, refuseMaybeNull } from './kptrFields';
import { isInsnArray } from './jumpTables';
import { kernelMapName, mapInfo } from './mapRules';
import { checkAlignment, checkMemAccess } from './memoryAccess';
import { checkRegionAccess } from './memoryAccessBounds';
import { checkBufferRange, checkKernelStructAccess, walkRules } from './memoryAccessKernel';
import { structMatches } from './structWalk';
import { checkMapPermission, checkMapRange } from './memoryAccessMap';
import { EACCES, EINVAL } from './outcome';
import { checkPacketRange, packetRights } from './packetAccess';
import { markPrecise } from './precision';
import { checkRegArg } from './regArgs';
import {
  changed,
  isNullConst,
  MAYBE_NULL,
  mayBeNull,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RDONLY,
  MEM_RINGBUF,
  type DynptrKind,
  type RegState,
} from './regState';
import { argTypeName } from './typeText';
import { constantMapKey } from './constantKey';
import { checkInitDynptr, checkReleasedDynptr, checkUninitDynptr, type GivenDynptr } from './dynptrs';
import { checkStackRange } from './stackAccess';
import { checkSameMap, checkTimerArgument, type CalledMap } from './timers';

/** A call while its arguments are checked. */
export interface Call {
  readonly insnIdx: number;
  readonly row: HelperRow;
  readonly proto: HelperPrototype;
  /** Map that an argument named (or that holds the timer). */
  map: CalledMap | null;
  /** The map came from a timer argument: the next map argument must be the same. */
  mapFromTimer: boolean;
  /** Register whose reference the call releases; 0 none. */
  releaseRegno: number;
  /** Reference that an argument belongs to. */
  refObjId: number;
  /** Initialised dynptr among the arguments. */
  dynptr: GivenDynptr | null;
  /** Dynptr that the call makes. */
  newDynptr: { readonly regno: number; readonly of: DynptrKind } | null;
  /** The released argument is a dynptr. */
  releasesDynptr: boolean;
  /** Constant size of the memory that the call returns. */
  memSize: number;
  /** Largest value of the last size argument. */
  sizeMax: bigint;
  /** Callback's subprogram, -1 none. */
  subprog: number;
  /** Field of a map value or allocated object whose pointer is exchanged. */
  kptr?: SpecialField;
  /** Pointer to per-CPU memory. */
  percpu?: RegState;
  /** The key argument's value where the kernel makes use of it. */
  constantKey?: bigint;
  /** Stack bytes that the helper will have filled. */
  readonly fills: { readonly regno: number; readonly sizeBytes: number }[];
  /** Register of the memory argument that the next size argument measures, and what is done with the memory. */
  sizedRegno: number;
  sizedAccess: 'read' | 'write' | 'raw';
}

/** Sizes from here on count as unbounded. */
const MAX_VARIABLE_SIZE = 1n << 29n;

type Base =
  | Exclude<ArgKind, `${string}:${string}`>
  | 'fixedMem'
  | 'fixedUninitMem'
  | 'fixedWriteMem'
  | 'btf'
  | 'btfOrNull';

function baseOf(kind: ArgKind): { base: Base; rest: string } {
  const colon = kind.indexOf(':');
  return colon < 0
    ? { base: kind as Base, rest: '' }
    : { base: kind.slice(0, colon) as Base, rest: kind.slice(colon + 1) };
}

const KEY_TYPES = ['fp', 'pkt', 'pkt_meta', 'map_key', 'map_value'];
/** The answers by the profile's features. A cache, not state. */
function perProfile(list: (env: VerifierEnv) => string[]): (env: VerifierEnv) => string[] {
  const known = new WeakMap<FeatureFlags, string[]>();
  return (env) => {
    let types = known.get(env.features);
    if (types === undefined) known.set(env.features, (types = list(env)));
    return types;
  };
}

const memTypes = perProfile((env) => {
  if (!hasFeature(env, 'ringbufMemName')) return [...KEY_TYPES, 'mem', 'alloc_mem', 'buf'];
  const list = [...KEY_TYPES, 'mem', 'ringbuf_mem', 'buf', 'trusted_ptr_'];
  if (hasFeature(env, 'helperMemFromCtx')) list.push('ctx');
  return list;
});
const keyTypes = (env: VerifierEnv): string[] =>
  hasFeature(env, 'ringbufMemName') ? memTypes(env) : KEY_TYPES;
const SOCKETS = ['sock_common', 'sock', 'tcp_sock', 'xdp_sock'];
const sockets = (): string[] => SOCKETS;
const socketsOrBtf = (env: VerifierEnv): string[] =>
  hasFeature(env, 'ringbufMemName') ? [...SOCKETS, 'ptr_', 'trusted_ptr_'] : [...SOCKETS, 'ptr_'];
const btfTypes = (env: VerifierEnv): string[] =>
  hasFeature(env, 'ringbufMemName') ? ['ptr_', 'trusted_ptr_', 'rcu_ptr_'] : ['ptr_'];
const percpuTypes = (env: VerifierEnv): string[] =>
  hasFeature(env, 'trustedPointers')
    ? ['percpu_ptr_', 'percpu_rcu_ptr_', 'percpu_trusted_ptr_']
    : ['percpu_ptr_'];
const kptrHolders = (env: VerifierEnv): string[] => {
  if (hasFeature(env, 'kptrHoldersNotOwned')) return ['map_value', 'ptr_', 'ptr_', 'rcu_ptr_'];
  return hasFeature(env, 'kptrsInObjects') ? ['map_value', 'ptr_'] : ['map_value'];
};
const only = (name: string): (() => string[]) => {
  const list = [name];
  return () => list;
};
const lockTypes = (env: VerifierEnv): string[] =>
  hasFeature(env, 'timerFieldRecord') ? ['map_value', 'ptr_'] : ['map_value'];
const ringbufTypes = (env: VerifierEnv): string[] => [
  hasFeature(env, 'ringbufMemName') ? 'ringbuf_mem' : 'alloc_mem',
];

interface ArgRule {
  /** Register types that are accepted, in the order that messages list them; absent: anything readable. */
  readonly types?: (env: VerifierEnv) => string[];
  /** Flags of the register that do not matter for the type. */
  readonly ignore?: number;
  /** A constant zero is fine. */
  readonly nullable?: boolean;
  /** The reference (or the dynptr's) is given back. */
  readonly release?: boolean | 'dynptr';
  readonly check?: (env: VerifierEnv, call: Call, regno: number, reg: RegState, rest: string) => void;
}

function calledMap(env: VerifierEnv, call: Call, what: string): MapSpec {
  if (call.map !== null) return call.map.map;
  return reject(env, {
    code: 'helper-without-map',
    category: 'Call Type Safety',
    errno: EACCES,
    message: `invalid map_ptr to access map->${what}`,
  });
}

const memory =
  (access: 'read' | 'write' | 'raw') =>
  (_env: VerifierEnv, call: Call, regno: number): void => {
    call.sizedRegno = regno;
    call.sizedAccess = access;
  };

/** Kernels that let helpers read the stack without forgetting what is there know which helpers write. */
const filledMemory = (env: VerifierEnv, call: Call, regno: number): void => {
  call.sizedRegno = regno;
  call.sizedAccess = env.features.helperReadsKeepStack ? 'write' : 'read';
};

const fixedMemory =
  (access: 'read' | 'write' | 'raw', aligned: boolean) =>
  (env: VerifierEnv, call: Call, regno: number, _reg: RegState, rest: string): void => {
    const sizeBytes = Number(rest);
    checkHelperMemory(env, regno, sizeBytes, access, false, call);
    if (aligned) checkAlignment(env, regno, 0, sizeBytes, true);
  };

const size =
  (zeroAllowed: boolean) =>
  (env: VerifierEnv, call: Call, regno: number, reg: RegState): void => {
    checkSizeArgument(env, call, regno, reg, zeroAllowed);
  };

const dynptrTypes = (): string[] => ['fp', 'dynptr_ptr'];

const uninitDynptr =
  (of: DynptrKind) =>
  (env: VerifierEnv, call: Call, regno: number): void => {
    checkUninitDynptr(env, regno, of, call.insnIdx);
    call.newDynptr = { regno, of };
  };

const RULES: Readonly<Record<Base, ArgRule>> = {
  anything: {},
  scalar: { types: only('scalar') },
  ctx: { types: only('ctx') },
  ctxOrNull: { types: only('ctx'), nullable: true, ignore: MAYBE_NULL },
  mapPtr: {
    types: only('map_ptr'),
    check: (env, call, regno, reg) => {
      if (call.map !== null) checkSameMap(env, call.map, regno, reg);
      assert(reg.map !== null, 'a map pointer has a map');
      call.map = { map: reg.map, uid: reg.mapUid };
    },
  },
  mapKey: {
    types: keyTypes,
    check: (env, call, regno) => {
      const map = calledMap(env, call, 'key');
      checkHelperMemory(env, regno, map.keySizeBytes, 'read', false);
      call.constantKey = constantMapKey(env, map, regno);
    },
  },
  mapValue: {
    types: keyTypes,
    check: (env, call, regno) =>
      checkHelperMemory(env, regno, calledMap(env, call, 'value').valueSizeBytes, 'read', false),
  },
  mapValueOrNull: {
    types: keyTypes,
    nullable: true,
    ignore: MAYBE_NULL,
    check: (env, call, regno, reg) => {
      if (isNullConst(reg)) return;
      checkHelperMemory(env, regno, calledMap(env, call, 'value').valueSizeBytes, 'read', false);
    },
  },
  uninitMapValue: {
    types: keyTypes,
    check: (env, call, regno) => {
      const map = calledMap(env, call, 'value');
      // asking a bloom filter for a value is asking whether it is there
      const reads = map.type === 'BPF_MAP_TYPE_BLOOM_FILTER';
      checkHelperMemory(env, regno, map.valueSizeBytes, reads ? 'read' : 'raw', false, call);
    },
  },
  mem: { types: memTypes, check: memory('read') },
  filledMem: { types: memTypes, check: filledMemory },
  filledMemOrNull: { types: memTypes, nullable: true, ignore: MAYBE_NULL, check: filledMemory },
  readonlyMem: { types: memTypes, ignore: MEM_RDONLY, check: memory('read') },
  readonlyMemOrNull: {
    types: memTypes,
    nullable: true,
    ignore: MEM_RDONLY | MAYBE_NULL,
    check: memory('read'),
  },
  writeMem: { types: memTypes, check: memory('write') },
  uninitMem: { types: memTypes, check: memory('raw') },
  fixedMem: { types: memTypes, check: fixedMemory('read', false) },
  fixedUninitMem: { types: memTypes, check: fixedMemory('raw', true) },
  fixedWriteMem: { types: memTypes, check: fixedMemory('write', true) },
  size: { types: only('scalar'), check: size(false) },
  sizeOrZero: { types: only('scalar'), check: size(true) },
  allocSizeOrZero: {
    types: only('scalar'),
    check: (env, call, regno, reg) => {
      if (reg.bits.mask !== 0n) {
        reject(env, {
          code: 'size-not-constant',
          category: 'Call Type Safety',
          errno: EACCES,
          message: `R${regno} is not a known constant'`,
          registers: [regno],
          facts: { helper: call.row.name },
        });
      }
      call.memSize = Number(BigInt.asUintN(32, reg.bits.value));
      markPrecise(env, regno);
    },
  },
  ringbufMemRelease: { types: ringbufTypes, release: true },
  spinLock: {
    types: lockTypes,
    check: (env, call, regno, reg) => checkSpinLock(env, regno, reg, call.row.name === 'bpf_spin_lock'),
  },
  timer: {
    types: only('map_value'),
    check: (env, call, regno, reg) => {
      call.map = checkTimerArgument(env, regno, reg);
      call.mapFromTimer = true;
    },
  },
  func: {
    types: only('func'),
    check: (_env, call, _regno, reg) => {
      call.subprog = reg.subprog;
    },
  },
  stackOrNull: { types: only('fp'), nullable: true, ignore: MAYBE_NULL },
  constStr: {
    types: only('map_value'),
    check: (env, call, regno, reg) => checkConstantString(env, call.row.name, regno, reg),
  },
  sockCommon: { types: sockets },
  sockCommonBtf: { types: socketsOrBtf, check: socketOnly },
  sockCommonBtfOrNull: { types: socketsOrBtf, nullable: true, ignore: MAYBE_NULL, check: socketOnly },
  sockCommonBtfRelease: { types: socketsOrBtf, release: true, check: socketOnly },
  socketOrNull: { types: only('sock'), nullable: true, ignore: MAYBE_NULL },
  percpuBtf: {
    types: percpuTypes,
    check: (_env, call, _regno, reg) => {
      call.percpu = reg;
    },
  },
  kptrDestination: {
    types: kptrHolders,
    check: (env, call, regno, reg) => {
      if (reg.type === 'btfId') {
        // the names of types do not tell a kernel's struct from an object of the program's own
        if ((reg.flags & MEM_ALLOC) === 0) refuseType(env, kptrHolders(env), regno, reg);
        call.kptr = exchangedField(env, regno, reg, allocatedFields(env, reg.btfId).fields);
        return;
      }
      assert(reg.map !== null, 'a map value has a map');
      const info = mapInfo(env, reg.map);
      if (!info.hasBtf) {
        reject(env, {
          code: 'kptr-argument',
          category: 'Call Type Safety',
          errno: hasFeature(env, 'timerArgErrnoInner') ? EINVAL : EACCES,
          message: `map '${kernelMapName(reg.map)}' has to have BTF in order to use bpf_kptr_xchg`,
          registers: [regno],
        });
      }
      call.map = { map: reg.map, uid: reg.mapUid };
      call.kptr = exchangedField(env, regno, reg, info.fields.fields);
    },
  },
  btfOrNullRelease: {
    types: btfTypes,
    nullable: true,
    ignore: MAYBE_NULL,
    release: true,
    check: (env, call, regno, reg) => {
      assert(call.kptr !== undefined, 'the field comes first');
      checkExchanged(env, regno, reg, call.kptr);
    },
  },
  dynptr: {
    types: dynptrTypes,
    check: (env, call, regno) => {
      call.dynptr = checkInitDynptr(env, regno, null);
    },
  },
  dynptrRingbufRelease: {
    types: dynptrTypes,
    release: 'dynptr',
    check: (env, _call, regno) => {
      if (regOf(env, regno).type === 'stack') checkInitDynptr(env, regno, 'ringbuf');
    },
  },
  dynptrRingbufUninit: { types: dynptrTypes, check: uninitDynptr('ringbuf') },
  dynptrLocalUninit: { types: dynptrTypes, check: uninitDynptr('local') },
  btf: { types: btfTypes, check: kernelStruct },
  btfOrNull: { types: btfTypes, nullable: true, ignore: MAYBE_NULL, check: kernelStruct },
};

/** Typed kernel pointers pass as sockets when their struct begins with a common socket. */
function socketOnly(env: VerifierEnv, call: Call, regno: number, reg: RegState): void {
  if (reg.type === 'btfId') matchStruct(env, call, regno, reg, 'sock_common');
}

function kernelStruct(env: VerifierEnv, call: Call, regno: number, reg: RegState, rest: string): void {
  if (isNullConst(reg)) return;
  matchStruct(env, call, regno, reg, rest);
}

/** The pointer's struct is the wanted one, or begins with it at the pointer's offset. */
function matchStruct(env: VerifierEnv, call: Call, regno: number, reg: RegState, wanted: string): void {
  const btf = env.kernelBtf;
  const wantedId = btf === undefined ? 0 : findType(btf, wanted, 'struct');
  if (btf === undefined || wantedId === 0 || reg.btfOf !== 'kernel' || reg.type !== 'btfId') {
    return unknown(env, `argument ${regno} of ${call.row.name}: compatibility of kernel structs`);
  }
  if (structMatches(btf, reg.btfId, reg.off, wantedId, false, walkRules(env, reg))) return;
  reject(env, {
    code: 'argument-type',
    category: 'Call Type Safety',
    errno: EACCES,
    message: `R${regno} is of type ${btf.types[reg.btfId]?.name ?? ''} but ${wanted} is expected`,
    registers: [regno],
    facts: { type: btf.types[reg.btfId]?.name ?? '', expected: wanted },
  });
}

/** Register `regno` is a pointer to the kernel's struct `typeId`, for a parameter of a global function. */
export function checkTypedArgument(env: VerifierEnv, regno: number, typeId: number, nullable: boolean): void {
  const reg = regOf(env, regno);
  const rule: ArgRule = { types: btfTypes, ignore: nullable ? MAYBE_NULL : 0 };
  checkType(env, rule, regno, reg);
  const btf = env.kernelBtf;
  if (btf === undefined) return unknown(env, 'kernel type information');
  if (!structMatches(btf, reg.btfId, reg.off, typeId, false, walkRules(env, reg))) {
    const name = btf.types[reg.btfId]?.name ?? '';
    reject(env, {
      code: 'argument-type',
      category: 'Call Type Safety',
      errno: EACCES,
      message: `R${regno} is of type ${name} but ${btf.types[typeId].name} is expected`,
      registers: [regno],
      facts: { type: name, expected: btf.types[typeId].name },
    });
  }
  checkOffset(env, rule, regno, reg);
}

/** Types whose offsets their own rules judge; all others must be passed as they came. */
const OFFSET_TYPES = new Set([
  'stack',
  'packet',
  'packetMeta',
  'mapKey',
  'mapValue',
  'mem',
  'buf',
  'arena',
  'scalar',
]);

function checkOffset(env: VerifierEnv, rule: ArgRule, regno: number, reg: RegState): void {
  const ringbuf = reg.type === 'mem' && (reg.flags & MEM_RINGBUF) !== 0;
  if (rule.release === 'dynptr' && reg.type === 'stack') return;
  if (rule.release !== undefined && rule.release !== false) {
    if (reg.off !== 0 && (hasFeature(env, 'ringbufMemName') || reg.type === 'btfId')) {
      reject(env, {
        code: 'release-at-offset',
        category: 'Resource Lifetime Safety',
        errno: EINVAL,
        message: `R${regno} must have zero offset when passed to release func${hasFeature(env, 'releaseOffsetKfuncText') ? ' or trusted arg to kfunc' : ''}`,
        registers: [regno],
      });
    }
    if (ringbuf || reg.type !== 'scalar') checkUnmodifiedPointer(env, reg, regno, false);
    return;
  }
  if (!OFFSET_TYPES.has(reg.type)) checkUnmodifiedPointer(env, reg, regno, reg.type === 'btfId');
}

function checkType(env: VerifierEnv, rule: ArgRule, regno: number, reg: RegState): void {
  if (rule.types === undefined) return;
  const accepted = rule.types(env);
  // bpf_kptr_xchg takes objects of the program's own, too, whether they are per CPU or not
  if (rule === RULES.btfOrNullRelease && (reg.flags & MEM_ALLOC) !== 0) {
    const plain = changed(reg, { flags: reg.flags & ~(MEM_PERCPU | MAYBE_NULL) });
    if (accepted.includes(argTypeName(env, plain))) return;
  }
  if (accepted.includes(argTypeName(env, reg, rule.ignore ?? 0))) return;
  refuseType(env, accepted, regno, reg);
}

/** Kernel structs pass as memory that the helper only reads. */
function refuseWrittenStruct(
  env: VerifierEnv,
  call: Call,
  rule: ArgRule,
  regno: number,
  reg: RegState,
): void {
  const asMemory = rule.types === memTypes || rule.types === keyTypes;
  if (reg.type !== 'btfId' || !asMemory || ((rule.ignore ?? 0) & MEM_RDONLY) !== 0) return;
  reject(env, {
    code: 'kernel-struct-as-memory',
    category: 'Call Type Safety',
    errno: EACCES,
    message: `${call.row.name}() may write into memory pointed by R${regno} type=${argTypeName(env, reg)}`,
    registers: [regno],
    facts: { helper: call.row.name },
  });
}

const refuseType = (env: VerifierEnv, accepted: readonly string[], regno: number, reg: RegState): never =>
  reject(env, {
    code:
      mayBeNull(reg) && accepted.includes(argTypeName(env, reg, MAYBE_NULL))
        ? 'maybe-null-argument'
        : 'argument-type',
    category: 'Call Type Safety',
    errno: EACCES,
    message: `R${regno} type=${argTypeName(env, reg)} expected=${accepted.join(', ')}`,
    registers: [regno],
    facts: { type: argTypeName(env, reg), expected: accepted.join(', '), map: reg.map?.name ?? '' },
  });

/** Checks argument `index` (0-based) of the call. */
export function checkArgument(env: VerifierEnv, call: Call, index: number): void {
  const regno = index + 1;
  const { base, rest } = baseOf(call.proto.args[index]);
  checkRegArg(env, regno, 'src');
  if (base === 'anything') return;
  const reg = regOf(env, regno);
  const rule = RULES[socketValue(env, call, base) ? 'sockCommonBtf' : base];
  if ((reg.type === 'packet' || reg.type === 'packetMeta') && !mayPassPacket(env, call)) {
    reject(env, {
      code: 'packet-to-helper',
      category: 'Policy',
      errno: EACCES,
      message: 'helper access to the packet is not allowed',
      registers: [regno],
      facts: { helper: call.row.name },
    });
  }
  if (rule.nullable === true && isNullConst(reg)) {
    if (hasFeature(env, 'nullArgumentPrecise')) markPrecise(env, regno);
  } else {
    checkType(env, rule, regno, reg);
    refuseWrittenStruct(env, call, rule, regno, reg);
    // What goes into a field is asked for its type before its offset and its owner.
    if (base === 'btfOrNullRelease') {
      refuseMaybeNull(env, regno, reg);
      rule.check?.(env, call, regno, reg, rest);
    }
    checkOffset(env, rule, regno, reg);
  }
  // the object whose field is exchanged stays the program's
  if (base !== 'kptrDestination') noteReference(env, call, rule, regno, reg);
  if (base !== 'btfOrNullRelease') rule.check?.(env, call, regno, reg, rest);
}

/** Values of socket maps are sockets, not memory. */
const socketValue = (env: VerifierEnv, call: Call, base: Base): boolean =>
  base === 'mapValue' && call.map !== null && mapInfo(env, call.map.map).row.lookup === 'socket';

function mayPassPacket(env: VerifierEnv, call: Call): boolean {
  if (packetRights(env) === 'none') return false;
  if (env.program.type === 'BPF_PROG_TYPE_CGROUP_SOCKOPT') return true;
  return call.proto.packetAccess === true;
}

function noteReference(env: VerifierEnv, call: Call, rule: ArgRule, regno: number, reg: RegState): void {
  if (rule.release === 'dynptr') {
    checkReleasedDynptr(env, regno);
    call.releaseRegno = regno;
    call.releasesDynptr = true;
    return;
  }
  if (rule.release === true) {
    if (reg.refObjId === 0 && !isNullConst(reg)) {
      reject(env, {
        code: 'release-of-unowned',
        category: 'Resource Lifetime Safety',
        errno: EINVAL,
        message: hasFeature(env, 'releaseHelperText')
          ? `release helper ${call.row.name} expects referenced PTR_TO_BTF_ID passed to R${regno}`
          : `R${regno} must be referenced when passed to release function`,
        registers: [regno],
        facts: { helper: call.row.name },
      });
    }
    call.releaseRegno = regno;
  }
  if (reg.refObjId !== 0) {
    if (call.refObjId !== 0) unknown(env, `two referenced arguments of ${call.row.name}`);
    call.refObjId = reg.refObjId;
  }
}

/**
 * A helper reads or fills `sizeBytes` bytes behind register `regno`. `raw`: it fills them all, so stack bytes need not
 * be initialised.
 */
export function checkHelperMemory(
  env: VerifierEnv,
  regno: number,
  sizeBytes: number,
  access: 'read' | 'lent' | 'write' | 'raw',
  zeroAllowed: boolean,
  call?: Call,
): void {
  const reg = regOf(env, regno);
  if (access === 'raw' && reg.type === 'stack' && reg.bits.mask === 0n)
    call?.fills.push({ regno, sizeBytes });
  const kind = access === 'read' || access === 'lent' ? 'read' : 'write';
  switch (reg.type) {
    case 'packet':
    case 'packetMeta':
      return checkPacketRange(env, regno, reg.off, sizeBytes, zeroAllowed);
    case 'mapKey':
      if (kind === 'write') return rejectReadOnly(env, regno, reg);
      return checkRegionAccess(env, regno, reg.off, sizeBytes, reg.map?.keySizeBytes ?? 0, false);
    case 'mapValue':
      assert(reg.map !== null, 'a map value has a map');
      checkMapPermission(env, reg.map, regno, reg.off, sizeBytes, kind);
      return checkMapRange(env, regno, reg.off, sizeBytes, zeroAllowed, false);
    case 'mem':
      if (kind === 'write' && (reg.flags & MEM_RDONLY) !== 0) return rejectReadOnly(env, regno, reg);
      return checkRegionAccess(env, regno, reg.off, sizeBytes, reg.memSize, zeroAllowed);
    case 'stack':
      return checkStackRange(env, regno, 0, sizeBytes, {
        zeroAllowed,
        access: kind,
        raw: access === 'raw',
        lent: access === 'lent',
      });
    case 'buf':
      if (kind === 'write' && (reg.flags & MEM_RDONLY) !== 0) return rejectReadOnly(env, regno, reg);
      return checkBufferRange(env, regno, reg, 0, sizeBytes);
    case 'btfId':
      if (!hasFeature(env, 'typedMemoryArguments')) return refuseMemory(env, regno, reg);
      return checkKernelStructAccess(
        env,
        {
          insnIdx: env.insnIdx,
          regno,
          off: 0,
          sizeBytes,
          kind: hasFeature(env, 'filledStructsAreWritten') ? kind : 'read',
          valueRegno: -1,
          signExtend: false,
          immediate: undefined,
          strictAlignment: false,
        },
        reg,
      );
    case 'ctx':
      return contextMemory(env, regno, reg, sizeBytes, kind, zeroAllowed);
    default:
      if (zeroAllowed && sizeBytes === 0 && isNullConst(reg)) return;
      return refuseMemory(env, regno, reg);
  }
}

const refuseMemory = (env: VerifierEnv, regno: number, reg: RegState): never =>
  reject(env, {
    code: 'argument-type',
    category: 'Call Type Safety',
    errno: EACCES,
    message: `R${regno} type=${argTypeName(env, reg)} expected=fp`,
    registers: [regno],
    facts: { type: argTypeName(env, reg), expected: 'fp' },
  });

/** Contexts that programs see as they are; kernels judge memory in them as they judge a load. Newest kernels only those of system calls. */
const mayBeMemory = (env: VerifierEnv): boolean =>
  hasFeature(env, 'helperMemFromCtx')
    ? env.program.type === 'BPF_PROG_TYPE_SYSCALL'
    : isContextAsItIs(env.program.type);

function contextMemory(
  env: VerifierEnv,
  regno: number,
  reg: RegState,
  sizeBytes: number,
  kind: 'read' | 'write',
  zeroAllowed: boolean,
): void {
  if (!mayBeMemory(env)) return refuseMemory(env, regno, reg);
  if (sizeBytes === 0) return zeroAllowed ? undefined : unknown(env, 'empty memory argument in the context');
  checkMemAccess(env, {
    insnIdx: env.insnIdx,
    regno,
    off: sizeBytes - 1,
    sizeBytes: 1,
    kind,
    valueRegno: -1,
    signExtend: false,
    immediate: undefined,
    strictAlignment: false,
  });
}

const rejectReadOnly = (env: VerifierEnv, regno: number, reg: RegState): never =>
  reject(env, {
    code: 'write-to-read-only',
    category: 'Memory Safety',
    errno: EACCES,
    message: `R${regno} cannot write into ${argTypeName(env, reg)}`,
    registers: [regno],
    facts: { type: argTypeName(env, reg) },
  });

/** A byte count: bounded, and everything up to its maximum accessible behind the register before it. */
function checkSizeArgument(
  env: VerifierEnv,
  call: Call,
  regno: number,
  reg: RegState,
  zeroAllowed: boolean,
): void {
  const memRegno = regno - 1;
  const access = call.sizedRegno === memRegno ? call.sizedAccess : 'read';
  // what is partly filled must have been initialised before
  const effective = access === 'raw' && reg.bits.mask !== 0n ? 'write' : access;
  call.sizeMax = reg.umax;
  const facts = () => ({ helper: call.row.name, smin: String(reg.smin), umax: String(reg.umax) });
  if (reg.smin < 0n) {
    reject(env, {
      code: 'negative-size',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} min value is negative, either use unsigned or 'var &= const'`,
      registers: [regno],
      facts: facts(),
    });
  }
  if (reg.umin === 0n) {
    if (hasFeature(env, 'zeroSizeText')) {
      if (!zeroAllowed) {
        reject(env, {
          code: 'zero-size',
          category: 'Memory Safety',
          errno: EACCES,
          message: `R${regno} invalid zero-sized read: u64=[${BigInt.asIntN(64, reg.umin)},${BigInt.asIntN(64, reg.umax)}]`,
          registers: [regno],
          facts: facts(),
        });
      }
    } else {
      checkHelperMemory(env, memRegno, 0, effective, zeroAllowed);
    }
  }
  if (reg.umax >= MAX_VARIABLE_SIZE) {
    reject(env, {
      code: 'unbounded-size',
      category: 'Memory Safety',
      errno: EACCES,
      message: `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`,
      registers: [regno],
      facts: facts(),
    });
  }
  checkHelperMemory(env, memRegno, Number(reg.umax), effective, zeroAllowed, call);
  markPrecise(env, regno);
}

/** A string in a read-only map: constant address, terminated inside the value. */
export function checkConstantString(env: VerifierEnv, helper: string, regno: number, reg: RegState): void {
  const { map } = reg;
  assert(map !== null, 'a map value has a map');
  const refuse = (message: string, errno = EACCES): never =>
    reject(env, {
      code: 'string-not-constant',
      category: 'Call Type Safety',
      errno,
      message,
      registers: [regno],
      facts: { helper, map: map.name },
    });
  const info = mapInfo(env, map);
  if (isInsnArray(map)) refuse(`R${regno} points to insn_array map which cannot be used as const string`);
  if (info.progWritable || !map.frozen) refuse(`R${regno} does not point to a readonly map'`);
  if (reg.bits.mask !== 0n) refuse(`R${regno} is not a constant address'`);
  if (info.row.directValue !== true) refuse('no direct value access support for this map type');
  checkMapRange(env, regno, reg.off, map.valueSizeBytes - reg.off, false, false);
  if (map.data === undefined) return unknown(env, `contents of read-only map '${map.name}'`);
  const from = reg.off + Number(reg.bits.value);
  if (!map.data.subarray(from).includes(0)) refuse('string is not zero-terminated', EINVAL);
}

/** The size argument of a kernel function whose memory is the argument before: readable and writable, zero allowed. */
export function checkKfuncSize(env: VerifierEnv, regno: number): void {
  const reg = regOf(env, regno);
  const refuse = (code: string, message: string): never =>
    reject(env, { code, category: 'Memory Safety', errno: EACCES, message, registers: [regno] });
  if (reg.smin < 0n)
    refuse('negative-size', `R${regno} min value is negative, either use unsigned or 'var &= const'`);
  if (reg.umax >= MAX_VARIABLE_SIZE) {
    refuse('unbounded-size', `R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
  }
  checkHelperMemory(env, regno - 1, Number(reg.umax), 'read', true);
  checkHelperMemory(env, regno - 1, Number(reg.umax), 'write', true);
  markPrecise(env, regno);
}
