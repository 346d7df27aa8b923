/**
 * Evaluates parsed expressions over typed values: C's rules for integers (promotion, usual conversions, wrap-around),
 * pointers scaled by what they point at, members, casts, and maps indexed by key. Free of side effects by
 * construction: nothing here can write.
 */
import type { Btf, BtfType } from '../btf/types';
import { findType, resolvedType, sizeOfType } from '../btf/query';
import {
  ExpressionError,
  parseExpression,
  type Expression,
  type FormatSuffix,
  type TypeName,
} from './expression';
import type { DebugTarget, TargetMap } from './target';
import { typeText } from './typeText';
import {
  elementOf,
  formatValue,
  immediate,
  inMemory,
  isAggregate,
  memberOf,
  pointee,
  readScalar,
  toUnsigned,
  type Value,
} from './values';

/** Where names get their meaning. */
export interface NameScope {
  readonly target: DebugTarget;
  /** Locals, then globals. */
  variable(name: string): Value | undefined;
  map(name: string): TargetMap | undefined;
  /** Value of `$name`. */
  pseudo(name: string): Value | undefined;
  /** Type tables to look names up in, in order. */
  readonly typeTables: readonly Btf[];
}

/** Either a typed value or a whole map, which only indexing turns into a value. */
type Operand =
  { readonly kind: 'value'; readonly value: Value } | { readonly kind: 'map'; readonly map: TargetMap };

const INT = 1;
const UINT = 2;
const LONG = 3;
const ULONG = 4;
const base = (
  name: string,
  sizeBytes: number,
  encoding: 'signed' | 'unsigned' | 'char' | 'bool',
): BtfType => ({
  kind: 'int',
  name,
  sizeBytes,
  bits: 8 * sizeBytes,
  bitOffset: 0,
  encoding,
});

/** Types that need no declaration. Index is the BTF id. */
const BUILTIN: Btf = {
  types: [
    { kind: 'void', name: '' },
    base('int', 4, 'signed'),
    base('unsigned int', 4, 'unsigned'),
    base('long', 8, 'signed'),
    base('unsigned long', 8, 'unsigned'),
    base('char', 1, 'char'),
    base('signed char', 1, 'signed'),
    base('unsigned char', 1, 'unsigned'),
    base('short', 2, 'signed'),
    base('unsigned short', 2, 'unsigned'),
    base('_Bool', 1, 'bool'),
  ],
};

const BUILTIN_NAMES: Readonly<Record<string, number>> = {
  int: INT,
  signed: INT,
  'signed int': INT,
  unsigned: UINT,
  'unsigned int': UINT,
  long: LONG,
  'long int': LONG,
  'long long': LONG,
  'long long int': LONG,
  'signed long': LONG,
  'unsigned long': ULONG,
  'unsigned long int': ULONG,
  'unsigned long long': ULONG,
  'long unsigned int': ULONG,
  'unsigned long long int': ULONG,
  char: 5,
  'signed char': 6,
  'unsigned char': 7,
  short: 8,
  'short int': 8,
  'unsigned short': 9,
  'unsigned short int': 9,
  'short unsigned int': 9,
  bool: 10,
  _Bool: 10,
  void: 0,
  __u8: 7,
  u8: 7,
  __s8: 6,
  s8: 6,
  __u16: 9,
  u16: 9,
  __s16: 8,
  s16: 8,
  __u32: UINT,
  u32: UINT,
  __s32: INT,
  s32: INT,
  __u64: ULONG,
  u64: ULONG,
  __s64: LONG,
  s64: LONG,
  uint64_t: ULONG,
  uint32_t: UINT,
  uint16_t: 9,
  uint8_t: 7,
};

/** A type table to which pointers can be added: a copy of a table plus pointers made on demand. */
const benches = new WeakMap<Btf, { types: BtfType[]; pointers: Map<number, number> }>();

function pointerTo(types: Btf, type: number): { types: Btf; type: number } {
  let bench = benches.get(types);
  if (!bench) {
    bench = { types: [...types.types], pointers: new Map() };
    benches.set(types, bench);
    // A table that was itself extended keeps growing in place.
    benches.set(bench, bench);
  }
  let id = bench.pointers.get(type);
  if (id === undefined) {
    id = bench.types.push({ kind: 'ptr', name: '', type }) - 1;
    bench.pointers.set(type, id);
  }
  return { types: bench, type: id };
}

export interface Evaluated {
  readonly value: Value;
  readonly format: FormatSuffix;
}

/** @throws ExpressionError with a message for people. */
export function evaluate(scope: NameScope, text: string): Evaluated {
  const isType = (name: string): boolean =>
    scope.variable(name) === undefined &&
    scope.map(name) === undefined &&
    findNamedType(scope, name) !== undefined;
  const { expression, format } = parseExpression(text, isType);
  const operand = new Evaluator(scope).evaluate(expression);
  if (operand.kind === 'map')
    throw new ExpressionError(
      `${operand.map.name} is a map: write ${operand.map.name}[key] for one of its values`,
    );
  return { value: operand.value, format };
}

/** True when the value counts as true in a condition. @throws ExpressionError */
export function evaluateCondition(scope: NameScope, text: string): boolean {
  const { value } = evaluate(scope, text);
  const read = readScalar(scope.target, value);
  if (!read.ok) throw new ExpressionError(read.why);
  return read.value !== 0n;
}

function findNamedType(scope: NameScope, name: string): { types: Btf; type: number } | undefined {
  const tagged = /^(struct|union|enum) (\w+)$/.exec(name);
  for (const types of scope.typeTables) {
    const id = tagged
      ? findType(types, tagged[2], tagged[1] as 'struct' | 'union' | 'enum')
      : findType(types, name, 'typedef');
    if (id > 0) return { types, type: id };
  }
  const builtin = Object.hasOwn(BUILTIN_NAMES, name) ? BUILTIN_NAMES[name] : undefined;
  return builtin === undefined ? undefined : { types: BUILTIN, type: builtin };
}

interface Arithmetic {
  readonly value: bigint;
  readonly wide: boolean;
  readonly unsigned: boolean;
}

class Evaluator {
  constructor(private readonly scope: NameScope) {}

  private get target(): DebugTarget {
    return this.scope.target;
  }

  evaluate(e: Expression): Operand {
    switch (e.kind) {
      case 'number':
        return number(e.value, e.long, e.unsigned);
      case 'string':
        throw new ExpressionError('string literals have no place in memory here');
      case 'name':
        return this.name(e.name);
      case 'pseudo': {
        const value = this.scope.pseudo(e.name);
        if (!value)
          throw new ExpressionError(`${e.name} is not known here; there are $cpu, $now and $r0 to $r10`);
        return { kind: 'value', value };
      }
      case 'member':
        return this.member(e.of, e.name, e.arrow);
      case 'index':
        return this.index(e.of, e.index);
      case 'unary':
        return this.unary(e.op, e.of);
      case 'binary':
        return this.binary(e);
      case 'conditional':
        return this.truth(e.test) ? this.evaluate(e.yes) : this.evaluate(e.no);
      case 'cast':
        return this.cast(e.type, this.value(e.of));
      case 'sizeofType': {
        const { types, type } = this.typeNamed(e.type);
        return this.size(types, type);
      }
      case 'sizeof': {
        const { types, type } = this.value(e.of);
        return this.size(types, type);
      }
    }
  }

  private size(types: Btf, type: number): Operand {
    const sizeBytes = sizeOfType(types, type);
    if (sizeBytes === undefined) throw new ExpressionError(`${typeText(types, type)} has no size`);
    return number(BigInt(sizeBytes), true, true);
  }

  private value(e: Expression): Value {
    const operand = this.evaluate(e);
    if (operand.kind === 'map')
      throw new ExpressionError(`${operand.map.name} is a map: write ${operand.map.name}[key]`);
    return operand.value;
  }

  private name(name: string): Operand {
    const value = this.scope.variable(name);
    // A map's own variable lies in a section that is never loaded: the map is meant.
    const map = this.scope.map(name);
    if (map && (!value || value.storage.kind === 'absent')) return { kind: 'map', map };
    if (value) return { kind: 'value', value };
    if (name === 'NULL') return number(0n, true, true);
    if (name === 'true' || name === 'false') return number(name === 'true' ? 1n : 0n, false, false);
    for (const types of this.scope.typeTables) {
      const found = enumerators(types).get(name);
      if (found) return { kind: 'value', value: immediate(types, found.type, found.value) };
    }
    throw new ExpressionError(`no variable '${name}' here`);
  }

  private member(of: Expression, name: string, arrow: boolean): Operand {
    let value = this.value(of);
    const type = resolvedType(value.types, value.type);
    // `p.x` for `p->x` is what hovering over a member of a pointer often yields: take it as meant.
    if (arrow || type.kind === 'ptr') {
      const at = type.kind === 'array' ? elementOf(value, 0) : pointee(this.target, value);
      if (!at) throw new ExpressionError(`${typeText(value.types, value.type)} is not a pointer`);
      this.checkThere(at);
      value = at;
    }
    const found = memberOf(value, name);
    if (!found) {
      const resolved = resolvedType(value.types, value.type);
      if (resolved.kind === 'fwd')
        throw new ExpressionError(`${typeText(value.types, value.type)} is only declared in this object`);
      throw new ExpressionError(`${typeText(value.types, value.type)} has no member '${name}'`);
    }
    return { kind: 'value', value: found };
  }

  private checkThere(value: Value): void {
    if (value.storage.kind === 'absent') throw new ExpressionError(value.storage.why);
    if (value.storage.kind === 'memory' && value.storage.address === 0n)
      throw new ExpressionError('the pointer is NULL');
  }

  private index(of: Expression, index: Expression): Operand {
    const operand = this.evaluate(of);
    if (operand.kind === 'map')
      return { kind: 'value', value: this.mapValue(operand.map, this.value(index)) };
    const value = operand.value;
    const i = Number(this.arithmetic(this.value(index)).value);
    const type = resolvedType(value.types, value.type);
    if (type.kind === 'array') {
      const element = elementOf(value, i);
      if (element) return { kind: 'value', value: element };
    }
    if (type.kind === 'ptr') {
      const at = pointee(this.target, value);
      const sizeBytes = at && sizeOfType(at.types, at.type);
      if (at && sizeBytes !== undefined) {
        this.checkThere(at);
        if (at.storage.kind === 'memory')
          return {
            kind: 'value',
            value: inMemory(at.types, at.type, at.storage.address + BigInt(i) * BigInt(sizeBytes)),
          };
      }
    }
    throw new ExpressionError(`${typeText(value.types, value.type)} cannot be indexed`);
  }

  /** The value under a key, by the key's bytes; a scalar key is converted to the map's key size. */
  private mapValue(map: TargetMap, key: Value): Value {
    const types = this.target.object.btf ?? BUILTIN;
    let wanted: bigint;
    if (isAggregate(key)) {
      throw new ExpressionError(`${map.name}: only integer keys can be written in an expression`);
    } else {
      const read = readScalar(this.target, key);
      if (!read.ok) throw new ExpressionError(read.why);
      wanted = BigInt.asUintN(8 * Math.min(8, map.keySizeBytes), read.value);
    }
    const { entries } = this.target.mapEntries(map.id, 0, map.maxEntries);
    const found = entries.find((e) => e.key && toUnsigned(e.key) === wanted);
    if (!found) throw new ExpressionError(`${map.name} has no element with key ${wanted}`);
    if (found.values.length > 1)
      throw new ExpressionError(`${map.name} keeps one value per CPU: look at it in the Maps view`);
    const { address, bytes } = found.values[0];
    if (address !== undefined) return inMemory(types, map.valueTypeId, address);
    return { types, type: map.valueTypeId, storage: { kind: 'bytes', bytes, offset: 0 } };
  }

  private unary(op: '*' | '&' | '-' | '+' | '!' | '~', of: Expression): Operand {
    if (op === '!') return number(this.truth(of) ? 0n : 1n, false, false);
    const value = this.value(of);
    if (op === '*') {
      const type = resolvedType(value.types, value.type);
      const at = type.kind === 'array' ? elementOf(value, 0) : pointee(this.target, value);
      if (!at) throw new ExpressionError(`${typeText(value.types, value.type)} is not a pointer`);
      this.checkThere(at);
      return { kind: 'value', value: at };
    }
    if (op === '&') {
      if (value.storage.kind !== 'memory' || value.bits)
        throw new ExpressionError(
          value.storage.kind === 'bytes'
            ? 'it is kept in a register, so it has no address'
            : 'it has no address',
        );
      const pointer = pointerTo(value.types, value.type);
      return { kind: 'value', value: immediate(pointer.types, pointer.type, value.storage.address) };
    }
    const a = promote(this.arithmetic(value));
    return result(op === '-' ? -a.value : op === '~' ? ~a.value : a.value, a);
  }

  private truth(e: Expression): boolean {
    return this.arithmetic(this.value(e)).value !== 0n;
  }

  private arithmetic(value: Value): Arithmetic {
    const type = resolvedType(value.types, value.type);
    if (type.kind === 'array' && value.storage.kind === 'memory')
      return { value: value.storage.address, wide: true, unsigned: true };
    const read = readScalar(this.target, value);
    if (!read.ok) throw new ExpressionError(read.why);
    const sizeBytes = sizeOfType(value.types, value.type) ?? 8;
    return {
      value: read.value,
      wide: sizeBytes > 4 || read.value >> 32n > 0n,
      unsigned:
        (type.kind === 'int' && type.encoding === 'unsigned' && sizeBytes >= 4) || type.kind === 'ptr',
    };
  }

  private binary(e: Extract<Expression, { kind: 'binary' }>): Operand {
    if (e.op === '&&') return number(this.truth(e.left) && this.truth(e.right) ? 1n : 0n, false, false);
    if (e.op === '||') return number(this.truth(e.left) || this.truth(e.right) ? 1n : 0n, false, false);
    const left = this.value(e.left);
    const right = this.value(e.right);
    if (e.op === '+' || e.op === '-') {
      const scaled = this.pointerSum(e.op, left, right);
      if (scaled) return { kind: 'value', value: scaled };
    }
    const a = promote(this.arithmetic(left));
    const b = promote(this.arithmetic(right));
    if (e.op === '<<' || e.op === '>>') {
      const bits = a.wide ? 63n : 31n;
      const count = b.value & bits;
      return result(e.op === '<<' ? a.value << count : a.value >> count, a);
    }
    const wide = a.wide || b.wide;
    const unsigned = (a.unsigned && a.wide === wide) || (b.unsigned && b.wide === wide);
    const common = { wide, unsigned, value: 0n };
    const x = wrap(a.value, common);
    const y = wrap(b.value, common);
    const truth = (yes: boolean): Operand => number(yes ? 1n : 0n, false, false);
    switch (e.op) {
      case '*':
        return result(x * y, common);
      case '/':
      case '%':
        if (y === 0n) throw new ExpressionError('division by zero');
        return result(e.op === '/' ? x / y : x % y, common);
      case '+':
        return result(x + y, common);
      case '-':
        return result(x - y, common);
      case '&':
        return result(x & y, common);
      case '|':
        return result(x | y, common);
      case '^':
        return result(x ^ y, common);
      case '<':
        return truth(x < y);
      case '<=':
        return truth(x <= y);
      case '>':
        return truth(x > y);
      case '>=':
        return truth(x >= y);
      case '==':
        return truth(x === y);
      case '!=':
        return truth(x !== y);
    }
  }

  /** pointer ± integer, integer + pointer, pointer − pointer; undefined when no pointer takes part. */
  private pointerSum(op: '+' | '-', left: Value, right: Value): Value | undefined {
    const l = this.asPointer(left);
    const r = this.asPointer(right);
    if (!l && !r) return undefined;
    const pointer = l ?? r;
    if (!pointer) return undefined;
    // void and functions count as one byte, as compilers for the kernel do.
    const sizeBytes = BigInt(sizeOfType(pointer.types, pointer.target) ?? 1) || 1n;
    if (l && r) {
      if (op === '+') throw new ExpressionError('two pointers cannot be added');
      return immediate(BUILTIN, LONG, (l.address - r.address) / sizeBytes);
    }
    if (op === '-' && !l) throw new ExpressionError('a pointer cannot be subtracted from a number');
    const offset = this.arithmetic(l ? right : left).value * sizeBytes;
    const made = pointerTo(pointer.types, pointer.target);
    return immediate(made.types, made.type, op === '+' ? pointer.address + offset : pointer.address - offset);
  }

  private asPointer(value: Value): { types: Btf; target: number; address: bigint } | undefined {
    const type = resolvedType(value.types, value.type);
    if (type.kind !== 'ptr' && type.kind !== 'array') return undefined;
    return { types: value.types, target: type.type, address: this.arithmetic(value).value };
  }

  private typeNamed(name: TypeName): { types: Btf; type: number } {
    let found = findNamedType(this.scope, name.base);
    if (!found) throw new ExpressionError(`no type '${name.base}' in this object`);
    for (let i = 0; i < name.pointers; i++) found = pointerTo(found.types, found.type);
    return found;
  }

  private cast(name: TypeName, value: Value): Operand {
    const { types, type } = this.typeNamed(name);
    const resolved = resolvedType(types, type);
    if (resolved.kind === 'void') throw new ExpressionError('a cast to void has no value');
    if (resolved.kind === 'struct' || resolved.kind === 'union') {
      if (isAggregate(value)) return { kind: 'value', value: { types, type, storage: value.storage } };
      throw new ExpressionError('only a pointer can be cast to a pointer to a struct');
    }
    const a = this.arithmetic(value);
    if (resolved.kind === 'int' && resolved.encoding === 'bool')
      return { kind: 'value', value: immediate(types, type, a.value === 0n ? 0n : 1n) };
    return { kind: 'value', value: immediate(types, type, a.value) };
  }
}

function number(value: bigint, long: boolean, unsigned: boolean): Operand {
  const type = long ? (unsigned ? ULONG : LONG) : unsigned ? UINT : INT;
  return { kind: 'value', value: immediate(BUILTIN, type, value) };
}

/** Integer promotion: what is narrower than int becomes int. */
const promote = (a: Arithmetic): Arithmetic => ({ ...a, value: wrap(a.value, a) });

function wrap(value: bigint, as: Arithmetic): bigint {
  const bits = as.wide ? 64 : 32;
  return as.unsigned ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
}

const result = (value: bigint, as: Arithmetic): Operand => number(wrap(value, as), as.wide, as.unsigned);

const enumeratorTables = new WeakMap<Btf, Map<string, { type: number; value: bigint }>>();

function enumerators(types: Btf): Map<string, { type: number; value: bigint }> {
  let table = enumeratorTables.get(types);
  if (!table) {
    table = new Map();
    for (let id = 1; id < types.types.length; id++) {
      const type = types.types[id];
      if (type.kind !== 'enum') continue;
      for (const v of type.values) if (!table.has(v.name)) table.set(v.name, { type: id, value: v.value });
    }
    enumeratorTables.set(types, table);
  }
  return table;
}

/** Text of a logpoint: `{expression}` parts are replaced by their values, a failing one by its reason. */
export function formatLogMessage(scope: NameScope, message: string): string {
  return message.replace(/\{([^{}]*)\}/g, (_, text: string) => {
    try {
      const { value, format } = evaluate(scope, text);
      return formatValue(scope.target, value, { hex: format === 'x' });
    } catch (error) {
      if (error instanceof ExpressionError) return `<${error.message}>`;
      throw error;
    }
  });
}
