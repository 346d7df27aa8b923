/** What names mean at a frame: locals from the inside out, then global data, maps, pseudo-variables, types. */
import type { Btf } from '../btf/types';
import type { Debugger } from './debugger';
import type { NameScope } from './evaluate';
import type { LiveFrame } from './frames';
import { localsOf } from './locals';
import type { TargetMap } from './target';
import { immediate, inMemory, type Value } from './values';

const U64: Btf = {
  types: [
    { kind: 'void', name: '' },
    { kind: 'int', name: '__u64', sizeBytes: 8, bits: 64, bitOffset: 0, encoding: 'unsigned' },
    { kind: 'int', name: 'int', sizeBytes: 4, bits: 32, bitOffset: 0, encoding: 'signed' },
  ],
};

export function scopeFor(debug: Debugger, frame: LiveFrame | undefined): NameScope {
  const { target } = debug;
  let locals: Map<string, Value> | undefined;
  const localNamed = (name: string): Value | undefined => {
    if (!frame) return undefined;
    if (!locals) {
      locals = new Map();
      // Inlined callers' variables are reachable too, as in the source one would expect only from the caller's frame.
      for (const l of localsOf(target, debug.map, debug.types, frame, frame.inlineDepth))
        if (!locals.has(l.name)) locals.set(l.name, l.value);
    }
    return locals.get(name);
  };
  return {
    target,
    variable: (name) => localNamed(name) ?? globalNamed(debug, name),
    map: (name) => target.maps().find((m) => m.name === name && !isGlobalData(m)) ?? mapVariable(debug, name),
    pseudo(name) {
      if (name === '$cpu') return immediate(U64, 2, BigInt(frame?.cpu ?? target.currentCpu()));
      if (name === '$now') return immediate(U64, 1, target.nowNs());
      const register = /^\$r(\d|10)$/.exec(name);
      const value = register ? frame?.registers[Number(register[1])] : undefined;
      return value === undefined ? undefined : immediate(U64, 1, value);
    },
    typeTables: target.object.btf ? [debug.types, target.object.btf] : [debug.types],
  };
}

export const isGlobalData = (map: TargetMap): boolean => /^\.|\.(bss|data|rodata|kconfig)/.test(map.name);

/** The kernel keeps only 15 characters of a map's name; the object's own name is what the source says. */
function mapVariable(debug: Debugger, name: string): TargetMap | undefined {
  const index = debug.target.object.maps.findIndex((m) => m.name === name);
  return index < 0
    ? undefined
    : debug.target.maps().find((m) => m.name === name.slice(0, 15) && !isGlobalData(m));
}

export interface GlobalVariable {
  readonly name: string;
  readonly value: Value;
}

/** Variables of `.data`, `.rodata`, `.bss` and custom sections, from BTF. */
export function globalsOf(debug: Debugger): { section: string; variables: GlobalVariable[] }[] {
  const types = debug.target.object.btf;
  const result: { section: string; variables: GlobalVariable[] }[] = [];
  if (!types) return result;
  for (const type of types.types) {
    if (type.kind !== 'datasec') continue;
    const section = debug.target.globalSection(type.name);
    if (!section) continue;
    const variables: GlobalVariable[] = [];
    for (const v of type.vars) {
      const variable = types.types[v.type];
      if (variable.kind !== 'var' || variable.name.includes('.____fmt')) continue;
      variables.push({
        name: variable.name,
        value: inMemory(types, variable.type, section.address + BigInt(v.offset)),
      });
    }
    result.push({ section: type.name, variables });
  }
  return result;
}

function globalNamed(debug: Debugger, name: string): Value | undefined {
  for (const { variables } of globalsOf(debug)) {
    // clang calls a function's static `x` `function.x` in BTF.
    const found =
      variables.find((v) => v.name === name) ?? variables.find((v) => v.name.endsWith('.' + name));
    if (found) return found.value;
  }
  return undefined;
}
