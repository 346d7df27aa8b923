/**
 * BTF as plain data (kernel documentation "BPF Type Format"). `Btf.types[id]` is the type with that id; id 0 is void.
 * Names are already resolved; an anonymous type has the empty name.
 */
export type BtfType =
  | { readonly kind: 'void'; readonly name: '' }
  | {
      readonly kind: 'int';
      readonly name: string;
      readonly sizeBytes: number;
      readonly bits: number;
      readonly bitOffset: number;
      readonly encoding: 'unsigned' | 'signed' | 'char' | 'bool';
    }
  | { readonly kind: 'ptr'; readonly name: ''; readonly type: number }
  | {
      readonly kind: 'array';
      readonly name: '';
      readonly type: number;
      readonly indexType: number;
      readonly count: number;
    }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly sizeBytes: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly sizeBytes: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: 'fwd'; readonly name: string; readonly of: 'struct' | 'union' }
  | {
      readonly kind: 'typedef' | 'volatile' | 'const' | 'restrict' | 'typeTag';
      readonly name: string;
      readonly type: number;
    }
  | {
      readonly kind: 'func';
      readonly name: string;
      readonly type: number;
      readonly linkage: 'static' | 'global' | 'extern';
    }
  | {
      readonly kind: 'funcProto';
      readonly name: '';
      readonly returnType: number;
      readonly params: readonly { readonly name: string; readonly type: number }[];
    }
  | {
      readonly kind: 'var';
      readonly name: string;
      readonly type: number;
      readonly linkage: 'static' | 'global' | 'extern';
    }
  | {
      readonly kind: 'datasec';
      readonly name: string;
      readonly sizeBytes: number;
      readonly vars: readonly {
        readonly type: number;
        readonly offset: number;
        readonly sizeBytes: number;
      }[];
    }
  | { readonly kind: 'float'; readonly name: string; readonly sizeBytes: number }
  | {
      readonly kind: 'declTag';
      readonly name: string;
      readonly type: number;
      readonly componentIndex: number;
    };

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** From the start of the enclosing struct. */
  readonly offsetBits: number;
  /** 0 when the member is not a bit-field. */
  readonly bitfieldSizeBits: number;
}

export interface Btf {
  readonly types: readonly BtfType[];
  /** Id of the first type that belongs to a kernel module; absent when there is none. */
  readonly modulesFrom?: number;
}
