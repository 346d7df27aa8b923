/** What the debugger needs of DWARF 4 and 5: lines, functions, variables with their locations, types. Addresses are byte offsets in one ELF section. */
export interface DwarfInfo {
  readonly lines: readonly DwarfLine[];
  readonly functions: readonly DwarfFunction[];
  readonly types: readonly DwarfType[];
  /** Variables outside functions that have a place: global data, maps. */
  readonly globals: readonly DwarfVariable[];
}

export interface DwarfLine {
  readonly section: string;
  readonly address: number;
  readonly file: string;
  /** 1-based; 0 unknown. */
  readonly line: number;
  readonly column: number;
  readonly isStatement: boolean;
  readonly endSequence: boolean;
}

export interface DwarfScope {
  readonly variables: readonly DwarfVariable[];
  readonly scopes: readonly (DwarfScope & {
    readonly ranges: readonly AddressRange[];
    readonly inlinedFrom?: InlinedCall;
  })[];
}

export interface InlinedCall {
  readonly name: string;
  readonly callFile: string;
  readonly callLine: number;
  readonly callColumn: number;
}

export interface DwarfFunction extends DwarfScope {
  readonly name: string;
  readonly section: string;
  readonly ranges: readonly AddressRange[];
  readonly file: string;
  readonly line: number;
}

/** Half open. */
export interface AddressRange {
  readonly low: number;
  readonly high: number;
}

export interface DwarfVariable {
  readonly name: string;
  readonly kind: 'variable' | 'parameter';
  /** Index into `types`, -1 for void. */
  readonly type: number;
  readonly line: number;
  /** A location that holds everywhere has one entry with no range. Empty: optimised out. */
  readonly locations: readonly { readonly range?: AddressRange; readonly where: DwarfLocation }[];
}

/** The forms of location that compilers emit for BPF, already decoded from DWARF expressions. */
export type DwarfLocation =
  | { readonly kind: 'register'; readonly register: number }
  /**
   * register + offset in memory; the frame pointer is register 10. LLVM's BPF back end counts frame offsets from the
   * frame's lowest byte although it names r10 (its top): offsets of real stack slots are negative, so an offset >= 0
   * from r10 means "from the bottom of the frame", whose size only the code tells.
   */
  | { readonly kind: 'memory'; readonly register: number; readonly offset: number }
  | { readonly kind: 'constant'; readonly value: bigint }
  /** A value computed from a register: register + addend (DW_OP_stack_value). */
  | { readonly kind: 'registerValue'; readonly register: number; readonly addend: bigint }
  /** Global: a place in a data section. */
  | { readonly kind: 'global'; readonly section: string; readonly offset: number }
  | {
      readonly kind: 'pieces';
      readonly pieces: readonly { readonly sizeBits: number; readonly where?: DwarfLocation }[];
    }
  /** Anything else that can be computed from registers, constants and memory. */
  | {
      readonly kind: 'computed';
      readonly expression: DwarfExpression;
      /** Whether the result is the variable's value or the address of it. */
      readonly result: 'value' | 'address';
    }
  | { readonly kind: 'unsupported'; readonly why: string };

/** 64-bit arithmetic that wraps. */
export type DwarfExpression =
  | { readonly op: 'constant'; readonly value: bigint }
  | { readonly op: 'register'; readonly register: number }
  | { readonly op: 'load'; readonly sizeBytes: number; readonly of: DwarfExpression }
  | { readonly op: 'neg' | 'not'; readonly of: DwarfExpression }
  /** The low bits, sign- or zero-extended. */
  | { readonly op: 'extend'; readonly bits: number; readonly signed: boolean; readonly of: DwarfExpression }
  | { readonly op: DwarfBinary; readonly left: DwarfExpression; readonly right: DwarfExpression };

/** Division is signed, remainder unsigned, comparisons signed, as the standard says. */
export type DwarfBinary =
  | 'and'
  | 'div'
  | 'minus'
  | 'mod'
  | 'mul'
  | 'or'
  | 'plus'
  | 'shl'
  | 'shr'
  | 'shra'
  | 'xor'
  | 'eq'
  | 'ge'
  | 'gt'
  | 'le'
  | 'lt'
  | 'ne';

export type DwarfType =
  | {
      readonly kind: 'base';
      readonly name: string;
      readonly sizeBytes: number;
      readonly encoding: 'signed' | 'unsigned' | 'bool' | 'char' | 'float';
    }
  | { readonly kind: 'pointer'; readonly target: number }
  | { readonly kind: 'array'; readonly element: number; readonly counts: readonly number[] }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly sizeBytes: number;
      readonly declaration: boolean;
      readonly members: readonly {
        readonly name: string;
        readonly type: number;
        readonly offsetBits: number;
        readonly bitSize: number;
      }[];
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly sizeBytes: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | {
      readonly kind: 'typedef' | 'const' | 'volatile' | 'restrict';
      readonly name: string;
      readonly target: number;
    }
  | { readonly kind: 'function'; readonly returns: number; readonly params: readonly number[] };
