/**
 * What a variables view shows, as lazy nodes: scopes of a frame, and below them typed values, registers, stack words,
 * packet bytes, maps and timers. Nodes are made when asked for; nothing outlives a stop.
 */
import { resolvedType } from '../btf/query';
import { CTX_RIGHTS } from '../spec/ctxFields';
import { progTypeByName } from '../spec/progTypes';
import type { Debugger } from './debugger';
import { frameSizeOf } from './frameSize';
import type { LiveFrame } from './frames';
import { localsOf } from './locals';
import { entryName, entryValue } from './mapValues';
import { globalsOf, isGlobalData } from './names';
import type { TargetMap } from './target';
import { timerText } from './timers';
import { formatDuration } from './timeText';
import { typeText } from './typeText';
import {
  childCount,
  childrenOf,
  formatValue,
  readScalar,
  toUnsigned,
  type FormatOptions,
  type NamedValue,
  type Value,
} from './values';

export interface Node {
  readonly name: string;
  readonly text: string;
  readonly type?: string;
  /** C expression that yields the same value, when there is one. */
  readonly expression?: string;
  /** BPF address of the value, for a memory view. */
  readonly address?: bigint;
  /** Address that a pointer holds. */
  readonly pointsAt?: bigint;
  readonly childCount: number;
  /** Children are elements of an array: they may be asked for in pages. */
  readonly indexed?: boolean;
  /** Set when `Debugger` can write it. */
  readonly value?: Value;
  readonly register?: number;
  children(start: number, count: number): readonly Node[];
}

export type ScopeKind =
  'arguments' | 'locals' | 'registers' | 'stack' | 'context' | 'globals' | 'maps' | 'timers' | 'cpu';

export interface Scope {
  readonly kind: ScopeKind;
  readonly name: string;
  readonly expensive: boolean;
  children(start: number, count: number): readonly Node[];
}

const NONE = (): readonly Node[] => [];
const leaf = (name: string, text: string, more: Partial<Node> = {}): Node => ({
  name,
  text,
  childCount: 0,
  children: NONE,
  ...more,
});

/** A typed value as a node; `expression` is what the user would write for it. */
export function valueNode(
  debug: Debugger,
  named: { readonly name: string; readonly value: Value },
  expression: string | undefined,
  options: FormatOptions,
): Node {
  const { target } = debug;
  const { value } = named;
  const type = resolvedType(value.types, value.type);
  const pointer = type.kind === 'ptr' ? readScalar(target, value) : undefined;
  return {
    name: named.name,
    text: formatValue(target, value, options),
    type: typeText(value.types, value.type),
    expression,
    address: value.storage.kind === 'memory' ? value.storage.address : undefined,
    pointsAt: pointer?.ok && pointer.value !== 0n ? BigInt.asUintN(64, pointer.value) : undefined,
    childCount: childCount(target, value),
    indexed: type.kind === 'array',
    value,
    children: (start, count) =>
      childrenOf(target, value, start, count).map((child) =>
        valueNode(debug, child, childExpression(expression, child), options),
      ),
  };
}

function childExpression(parent: string | undefined, child: NamedValue): string | undefined {
  if (parent === undefined) return undefined;
  const base = /^[\w$.[\]]+$|->\w+$/.test(parent) ? parent : `(${parent})`;
  if (child.path === '*') return `*${base}`;
  return base + child.path;
}

export function scopesOf(debug: Debugger, frame: LiveFrame, options: FormatOptions): Scope[] {
  const { target } = debug;
  const locals = localsOf(target, debug.map, debug.types, frame, frame.inlineDepth);
  const scope = (kind: ScopeKind, name: string, expensive: boolean, nodes: () => readonly Node[]): Scope => ({
    kind,
    name,
    expensive,
    children: (start, count) => nodes().slice(start, start + count),
  });
  const variables = (kind: 'parameter' | 'variable') => (): Node[] =>
    locals.filter((l) => l.kind === kind).map((l) => valueNode(debug, l, l.name, options));
  const scopes: Scope[] = [];
  if (locals.some((l) => l.kind === 'parameter'))
    scopes.push(scope('arguments', 'Arguments', false, variables('parameter')));
  scopes.push(scope('locals', 'Locals', false, variables('variable')));
  scopes.push(scope('registers', 'Registers', false, () => registerNodes(debug, frame, options)));
  scopes.push(scope('stack', 'Stack', true, () => stackNodes(debug, frame)));
  if (target.context(frame.cpu, frame.contextIndex)?.contextAddress !== undefined)
    scopes.push(scope('context', 'Context', true, () => contextNodes(debug, frame, options)));
  if (globalsOf(debug).some((g) => g.variables.length > 0))
    scopes.push(scope('globals', 'Globals', false, () => globalNodes(debug, options)));
  scopes.push(scope('maps', 'Maps', true, () => mapNodes(debug, options)));
  scopes.push(scope('timers', 'Timers', true, () => timerNodes(debug)));
  scopes.push(scope('cpu', 'CPU', true, () => cpuNodes(debug, frame)));
  return scopes;
}

const hex = (value: bigint): string => '0x' + BigInt.asUintN(64, value).toString(16);

function registerNodes(debug: Debugger, frame: LiveFrame, options: FormatOptions): Node[] {
  return frame.registers.map((value, register) => {
    if (value === undefined)
      return leaf(`r${register}`, '<not kept: the called function may overwrite it>', { type: 'u64' });
    const known = debug.target.describeAddress(value);
    const plain = value < 0x1_0000_0000n && !options.hex ? String(value) : hex(value);
    const negative = BigInt.asIntN(64, value);
    const text =
      known !== undefined
        ? `${hex(value)} → ${known}`
        : negative < 0n && negative > -4096n
          ? `${hex(value)} (${negative})`
          : plain;
    return leaf(`r${register}`, text, { type: 'u64', expression: `$r${register}`, register });
  });
}

/** The frame's used part in 8-byte words, from the top (r10) down. */
function stackNodes(debug: Debugger, frame: LiveFrame): Node[] {
  const top = frame.registers[10];
  const spec = debug.map.spec(frame.programId);
  const fn = debug.map.function(frame.programId, frame.insnIdx);
  if (top === undefined || !spec || !fn) return [];
  const next = spec.functions.find((f) => f.insnIdx > fn.insnIdx)?.insnIdx ?? spec.insns.length;
  const sizeBytes = frameSizeOf(spec.insns, fn.insnIdx, next);
  const nodes: Node[] = [];
  for (let offset = 8; offset <= sizeBytes; offset += 8) {
    const address = top - BigInt(offset);
    const bytes = debug.target.readMemory(address, 8);
    if (!bytes) {
      nodes.push(leaf(`r10-${offset}`, '<not readable>'));
      continue;
    }
    const value = toUnsigned(bytes);
    const known = debug.target.describeAddress(value);
    nodes.push(
      leaf(`r10-${offset}`, hex(value) + (known !== undefined ? ` → ${known}` : ''), {
        type: 'u64',
        address,
      }),
    );
  }
  return nodes.length > 0 ? nodes : [leaf('(empty)', 'this function keeps nothing on its stack')];
}

function contextNodes(debug: Debugger, frame: LiveFrame, options: FormatOptions): Node[] {
  const { target } = debug;
  const context = target.context(frame.cpu, frame.contextIndex);
  if (context?.contextAddress === undefined) return [];
  const nodes: Node[] = [];
  const rights = (CTX_RIGHTS as Readonly<Record<string, (typeof CTX_RIGHTS)[string] | undefined>>)[
    context.programType
  ];
  const row = progTypeByName(context.programType);
  if (rights) {
    for (const field of rights.struct.fields) {
      if (rights.hidden.includes(field.name) || field.kind === 'padding') continue;
      const words = field.sizeBytes > 8 ? field.sizeBytes / 4 : 1;
      for (let i = 0; i < words; i++) {
        const size = words === 1 ? field.sizeBytes : 4;
        const value = target.readContext(context.contextAddress + BigInt(field.offset + 4 * i), size);
        if (value === undefined) continue;
        const known = field.kind === 'scalar' ? undefined : target.describeAddress(value);
        nodes.push(
          leaf(
            words === 1 ? field.name : `${field.name}[${i}]`,
            known !== undefined
              ? `${hex(value)} → ${known}`
              : field.kind === 'scalar' && !options.hex
                ? String(value)
                : hex(value),
            { type: size === 8 ? '__u64' : size === 4 ? '__u32' : `${size} bytes` },
          ),
        );
      }
    }
  } else if (row) {
    nodes.push(leaf('context', `${row.contextType} at ${hex(context.contextAddress)}`));
  }
  if (context.packet) nodes.push(packetNode(debug, context.packet));
  return nodes;
}

function packetNode(debug: Debugger, packet: { readonly address: bigint; readonly sizeBytes: number }): Node {
  const rows = Math.ceil(packet.sizeBytes / 16);
  return {
    name: 'packet',
    text: `${packet.sizeBytes} bytes`,
    address: packet.address,
    childCount: rows,
    indexed: true,
    children: (start, count) => {
      const nodes: Node[] = [];
      for (let i = start; i < Math.min(rows, start + count); i++) {
        const size = Math.min(16, packet.sizeBytes - 16 * i);
        const address = packet.address + BigInt(16 * i);
        const bytes = debug.target.readMemory(address, size);
        const text = bytes
          ? [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(' ')
          : '<not readable>';
        nodes.push(leaf(`+${16 * i}`, text, { address }));
      }
      return nodes;
    },
  };
}

function globalNodes(debug: Debugger, options: FormatOptions): Node[] {
  return globalsOf(debug)
    .filter(({ section }) => section !== 'license')
    .flatMap(({ variables }) => variables.map((v) => valueNode(debug, v, v.name, options)));
}

function mapNodes(debug: Debugger, options: FormatOptions): Node[] {
  return debug.target
    .maps()
    .filter((m) => !isGlobalData(m))
    .map((map) => mapNode(debug, map, options));
}

export function mapNode(debug: Debugger, map: TargetMap, options: FormatOptions): Node {
  const { target } = debug;
  const listable = map.note === undefined;
  return {
    name: map.name,
    text:
      map.note ??
      `${map.entryCount} of ${map.maxEntries}${debug.mapTracker.mapChanged(map.id) ? ' · changed' : ''}`,
    type: map.type.replace(/^BPF_MAP_TYPE_/, '').toLowerCase(),
    childCount: listable ? map.entryCount : 0,
    indexed: true,
    children: (start, count) =>
      !listable
        ? []
        : target.mapEntries(map.id, start, count).entries.flatMap((entry, i) => {
            const name = entryName(debug, map, entry.key, start + i);
            return entry.values.map((v, cpu) => {
              const label = entry.values.length > 1 ? `${name} cpu${cpu}` : name;
              const expression =
                entry.values.length === 1 && /^\[-?\d+\]$/.test(name) ? map.name + name : undefined;
              return valueNode(debug, { name: label, value: entryValue(debug, map, v) }, expression, options);
            });
          }),
  };
}

function timerNodes(debug: Debugger): Node[] {
  const timers = debug.target.timers();
  if (timers.length === 0) return [leaf('(none)', 'no timer has been initialised')];
  return timers.map((timer) => leaf(timer.label, timerText(debug.target.nowNs(), timer)));
}

function cpuNodes(debug: Debugger, frame: LiveFrame): Node[] {
  const context = debug.target.context(frame.cpu, frame.contextIndex);
  const now = debug.target.nowNs();
  return [
    leaf('cpu', String(frame.cpu), { expression: '$cpu' }),
    leaf('now', `${now} ns (${formatDuration(now)})`, { expression: '$now' }),
    leaf('context', context?.kind ?? frame.contextKind),
    leaf('program', context?.program ?? '?'),
    leaf('instruction', String(frame.insnIdx)),
  ];
}
