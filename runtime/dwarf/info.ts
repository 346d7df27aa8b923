/**
 * Functions, scopes, variables and types out of the entry tree. Inlined calls keep their call site, out-of-line and
 * inlined instances take names and types from their abstract origin.
 *
 * A function's ranges all lie in one section, so ranges below it are plain offsets; a location that names another
 * section (which no compiler does) is dropped.
 */
import { AT, ENCODING, TAG } from './constants';
import { addressOf, numberOf, stringOf, type AttributeValue, type Die, type Unit } from './dies';
import { decodeExpression } from './expressions';
import { readLocations, readRanges, type SectionRange } from './lists';
import type { DebugData, DwarfAddress } from './sections';
import type {
  AddressRange,
  DwarfFunction,
  DwarfLocation,
  DwarfScope,
  DwarfType,
  DwarfVariable,
} from './types';

interface Known {
  readonly die: Die;
  readonly unit: Unit;
  readonly files: readonly string[];
}

type InnerScope = DwarfScope['scopes'][number];

/** How many abstract origins or specifications are followed before the chain counts as circular. */
const ORIGINS_MAX = 16;
export class InfoReader {
  private readonly byOffset = new Map<number, Known>();
  private readonly typeIndex = new Map<number, number>();
  readonly types: DwarfType[] = [];
  private readonly pending: { index: number; known: Known }[] = [];
  readonly functions: DwarfFunction[] = [];
  /** Variables outside every function: maps, globals. */
  readonly globals: DwarfVariable[] = [];

  constructor(private readonly data: DebugData) {}

  /** Adds a unit; call for all units before `readFunctions`, since references may cross units. */
  index(unit: Unit, files: readonly string[]): void {
    const todo = [unit.root];
    for (let die = todo.pop(); die; die = todo.pop()) {
      this.byOffset.set(die.offset, { die, unit, files });
      for (const child of die.children) todo.push(child);
    }
  }

  readFunctions(unit: Unit, files: readonly string[]): void {
    const base = addressOf(this.data, unit, unit.root.attributes.get(AT.lowPc));
    for (const die of unit.root.children) {
      if (die.tag === TAG.subprogram) {
        const fn = this.functionOf({ die, unit, files }, base);
        if (fn) this.functions.push(fn);
      } else if (die.tag === TAG.variable) {
        const variable = this.variableOf({ die, unit, files }, '', base);
        if (variable.name !== '' && variable.locations.length > 0) this.globals.push(variable);
      }
    }
    this.finishTypes();
  }

  /** An attribute of an entry or of the entries that it is an instance of. */
  private inherited(known: Known, name: number): { value: AttributeValue; from: Known } | undefined {
    let at: Known | undefined = known;
    for (let i = 0; at && i < ORIGINS_MAX; i++) {
      const value = at.die.attributes.get(name);
      if (value) return { value, from: at };
      const next: AttributeValue | undefined =
        at.die.attributes.get(AT.abstractOrigin) ?? at.die.attributes.get(AT.specification);
      at = next?.kind === 'reference' ? this.byOffset.get(next.offset) : undefined;
    }
    return undefined;
  }

  private nameOf(known: Known): string {
    const found = this.inherited(known, AT.name);
    return (found && stringOf(this.data, found.from.unit, found.value)) ?? '';
  }

  private numberFrom(known: Known, name: number): number {
    const found = this.inherited(known, name);
    return numberOf(found?.value) ?? 0;
  }

  private fileFrom(known: Known, name: number): string {
    const found = this.inherited(known, name);
    const index = numberOf(found?.value);
    return (found && index !== undefined ? found.from.files[index] : undefined) ?? '';
  }

  /** Code ranges of an entry; empty for declarations and abstract instances. */
  private rangesOf(known: Known, base: DwarfAddress | undefined): SectionRange[] {
    const { die, unit } = known;
    const ranges = die.attributes.get(AT.ranges);
    if (ranges) return readRanges(this.data, unit, ranges, base).filter((r) => r.high > r.low);
    const low = addressOf(this.data, unit, die.attributes.get(AT.lowPc));
    const highValue = die.attributes.get(AT.highPc);
    if (!low || !highValue) return [];
    const highAddress = addressOf(this.data, unit, highValue);
    const high = highAddress ? highAddress.offset : low.offset + (numberOf(highValue) ?? 0);
    return high > low.offset ? [{ section: low.section, low: low.offset, high }] : [];
  }

  private functionOf(known: Known, base: DwarfAddress | undefined): DwarfFunction | undefined {
    const ranges = this.rangesOf(known, base);
    if (ranges.length === 0) return undefined;
    const section = ranges[0].section;
    return {
      ...this.scopeOf(known, section, base),
      name: this.nameOf(known),
      section,
      ranges: inSection(ranges, section),
      file: this.fileFrom(known, AT.declFile),
      line: this.numberFrom(known, AT.declLine),
    };
  }

  private scopeOf(known: Known, section: string, base: DwarfAddress | undefined): DwarfScope {
    const variables: DwarfVariable[] = [];
    const scopes: InnerScope[] = [];
    for (const die of known.die.children) {
      const child: Known = { die, unit: known.unit, files: known.files };
      if (die.tag === TAG.variable || die.tag === TAG.formalParameter) {
        variables.push(this.variableOf(child, section, base));
      } else if (die.tag === TAG.lexicalBlock || die.tag === TAG.inlinedSubroutine) {
        const inner = this.scopeOf(child, section, base);
        const ranges = inSection(this.rangesOf(child, base), section);
        // A block whose ranges the compiler dropped still declares its variables, in the block around it.
        if (ranges.length === 0 && die.tag === TAG.lexicalBlock) {
          variables.push(...inner.variables);
          scopes.push(...inner.scopes);
        } else if (ranges.length > 0) {
          scopes.push({
            ...inner,
            ranges,
            ...(die.tag === TAG.inlinedSubroutine && {
              inlinedFrom: {
                name: this.nameOf(child),
                callFile: this.fileFrom(child, AT.callFile),
                callLine: this.numberFrom(child, AT.callLine),
                callColumn: this.numberFrom(child, AT.callColumn),
              },
            }),
          });
        }
      }
    }
    return { variables, scopes };
  }

  private variableOf(known: Known, section: string, base: DwarfAddress | undefined): DwarfVariable {
    return {
      name: this.nameOf(known),
      kind: known.die.tag === TAG.formalParameter ? 'parameter' : 'variable',
      type: this.typeFrom(known),
      line: this.numberFrom(known, AT.declLine),
      locations: this.locationsOf(known, section, base),
    };
  }

  private locationsOf(
    known: Known,
    section: string,
    base: DwarfAddress | undefined,
  ): { range?: AddressRange; where: DwarfLocation }[] {
    const { die, unit } = known;
    const location = die.attributes.get(AT.location);
    if (!location) {
      const constant = this.inherited(known, AT.constValue)?.value;
      if (constant?.kind === 'number' || constant?.kind === 'signed')
        return [{ where: { kind: 'constant', value: BigInt.asUintN(64, constant.value) } }];
      return [];
    }
    if (location.kind === 'block') {
      if (location.bytes.length === 0) return [];
      const r = this.data.reader('.debug_info');
      return [
        { where: decodeExpression(this.data, unit, r, location.at, location.bytes.length, this.baseTypeAt) },
      ];
    }
    const found: { range?: AddressRange; where: DwarfLocation }[] = [];
    for (const entry of readLocations(this.data, unit, location, base)) {
      const range = entry.range;
      if (range && (range.section !== section || range.high <= range.low)) continue;
      if (entry.expression.length === 0) continue;
      const where = decodeExpression(
        this.data,
        unit,
        entry.reader,
        entry.at,
        entry.expression.length,
        this.baseTypeAt,
      );
      found.push(range ? { range: { low: range.low, high: range.high }, where } : { where });
    }
    return found;
  }

  private readonly baseTypeAt = (offset: number): { sizeBytes: number; signed: boolean } | undefined => {
    const die = this.byOffset.get(offset)?.die;
    if (die?.tag !== TAG.baseType) return undefined;
    const encoding = encodingOf(numberOf(die.attributes.get(AT.encoding)));
    if (encoding === 'float') return undefined;
    const signed = encoding === 'signed' || numberOf(die.attributes.get(AT.encoding)) === ENCODING.signedChar;
    return { sizeBytes: numberOf(die.attributes.get(AT.byteSize)) ?? 0, signed };
  };

  /** Index of an entry's DW_AT_type, -1 for void. */
  private typeFrom(known: Known): number {
    const found = this.inherited(known, AT.type);
    return found?.value.kind === 'reference' ? this.typeAt(found.value.offset) : -1;
  }

  /** Index of the type at an offset; it is filled in later, so that types may refer to themselves. */
  private typeAt(offset: number): number {
    const known = this.byOffset.get(offset);
    if (!known) return -1;
    let index = this.typeIndex.get(offset);
    if (index === undefined) {
      index = this.types.length;
      this.typeIndex.set(offset, index);
      this.types.push(VOID_PLACEHOLDER);
      this.pending.push({ index, known });
    }
    return index;
  }

  private finishTypes(): void {
    for (let next = this.pending.pop(); next; next = this.pending.pop())
      this.types[next.index] = this.readType(next.known);
  }

  private readType(known: Known): DwarfType {
    const { die, unit } = known;
    const name = this.nameOf(known);
    const sizeBytes = numberOf(die.attributes.get(AT.byteSize)) ?? 0;
    const target = (): number => this.typeFrom(known);
    const childrenOf = (tag: number): Known[] =>
      die.children.filter((c) => c.tag === tag).map((c) => ({ die: c, unit, files: known.files }));
    switch (die.tag) {
      case TAG.baseType:
        return {
          kind: 'base',
          name,
          sizeBytes,
          encoding: encodingOf(numberOf(die.attributes.get(AT.encoding))),
        };
      case TAG.pointerType:
        return { kind: 'pointer', target: target() };
      case TAG.arrayType:
        return { kind: 'array', element: target(), counts: childrenOf(TAG.subrangeType).map(countOf) };
      case TAG.structureType:
      case TAG.unionType:
        return {
          kind: die.tag === TAG.structureType ? 'struct' : 'union',
          name,
          sizeBytes,
          declaration: die.attributes.has(AT.declaration),
          members: childrenOf(TAG.member).map((m) => this.memberOf(m)),
        };
      case TAG.enumerationType: {
        const values = childrenOf(TAG.enumerator).map((e) => {
          const value = e.die.attributes.get(AT.constValue);
          return {
            name: this.nameOf(e),
            value: value?.kind === 'number' || value?.kind === 'signed' ? value.value : 0n,
          };
        });
        return { kind: 'enum', name, sizeBytes, signed: values.some((v) => v.value < 0n), values };
      }
      case TAG.typedef:
        return { kind: 'typedef', name, target: target() };
      case TAG.constType:
        return { kind: 'const', name: '', target: target() };
      case TAG.volatileType:
      case TAG.atomicType:
        return { kind: 'volatile', name: '', target: target() };
      case TAG.restrictType:
        return { kind: 'restrict', name: '', target: target() };
      case TAG.subroutineType:
      case TAG.subprogram:
        return {
          kind: 'function',
          returns: target(),
          params: childrenOf(TAG.formalParameter).map((p) => this.typeFrom(p)),
        };
      default:
        return { kind: 'struct', name, sizeBytes, declaration: true, members: [] };
    }
  }

  private memberOf(known: Known): {
    name: string;
    type: number;
    offsetBits: number;
    bitSize: number;
  } {
    const { attributes } = known.die;
    const bitSize = numberOf(attributes.get(AT.bitSize)) ?? 0;
    const byteOffset = numberOf(attributes.get(AT.dataMemberLocation)) ?? 0;
    let offsetBits = numberOf(attributes.get(AT.dataBitOffset)) ?? byteOffset * 8;
    // DWARF 2's way counts from the most significant bit of the storage unit.
    const old = numberOf(attributes.get(AT.bitOffset));
    if (old !== undefined && bitSize > 0) {
      const storageBits = 8 * (numberOf(attributes.get(AT.byteSize)) ?? this.storageBytes(known));
      offsetBits = byteOffset * 8 + (this.data.littleEndian ? storageBits - old - bitSize : old);
    }
    return { name: this.nameOf(known), type: this.typeFrom(known), offsetBits, bitSize };
  }

  /** Size of a bit-field's declared type when the member does not state it. */
  private storageBytes(known: Known): number {
    let at: Known | undefined = known;
    for (let i = 0; at && i < ORIGINS_MAX; i++) {
      const type: AttributeValue | undefined = at.die.attributes.get(AT.type);
      at = type?.kind === 'reference' ? this.byOffset.get(type.offset) : undefined;
      const size = at && numberOf(at.die.attributes.get(AT.byteSize));
      if (size !== undefined) return size;
    }
    return 4;
  }
}

const VOID_PLACEHOLDER: DwarfType = { kind: 'const', name: '', target: -1 };

function inSection(ranges: readonly SectionRange[], section: string): AddressRange[] {
  return ranges.filter((r) => r.section === section).map((r) => ({ low: r.low, high: r.high }));
}

function countOf(known: Known): number {
  const count = numberOf(known.die.attributes.get(AT.count));
  if (count !== undefined) return Math.max(0, count);
  const upper = numberOf(known.die.attributes.get(AT.upperBound));
  return upper === undefined ? 0 : Math.max(0, upper + 1);
}

function encodingOf(encoding: number | undefined): 'signed' | 'unsigned' | 'bool' | 'char' | 'float' {
  switch (encoding) {
    case ENCODING.boolean:
      return 'bool';
    case ENCODING.float:
      return 'float';
    case ENCODING.signed:
      return 'signed';
    case ENCODING.signedChar:
    case ENCODING.unsignedChar:
      return 'char';
    default:
      return 'unsigned';
  }
}
