/**
 * The instruction table: every instruction of RFC 9669 and what compilers and the kernel add to it. Decoder checks,
 * disassembler, assembler and interpreter read these rows; none of them knows an opcode number of its own.
 * Evidence: RFC 9669; for what goes beyond it (gotox, may_goto, load-acquire …) the logs of measured kernels.
 *
 * A row matches an instruction when its opcode byte and all its selectors (`off`, `imm`, `src`) match.
 */
export interface OpcodeRow {
  /** Opcode byte. */
  readonly code: number;
  readonly kind: OpcodeKind;
  /** Operator as the kernel's log prints it: `+=`, `s<`, `be`. */
  readonly symbol?: string;
  /** Bits of the operation, or of the memory access. */
  readonly width?: 8 | 16 | 32 | 64;
  /** Bits that a sign-extending move takes from its source. */
  readonly fromWidth?: 8 | 16 | 32;
  /** Where the second operand comes from. */
  readonly source?: 'imm' | 'reg';
  /** Field that holds a jump's distance, where it varies. */
  readonly distance?: 'off' | 'imm';
  /** Selectors: the field must have this value. */
  readonly off?: number;
  readonly imm?: number;
  readonly src?: number;
  /** The compiler's `-mcpu=vN` that first emits it (1 also for what no version gates). */
  readonly cpu: 1 | 2 | 3 | 4;
}

export type OpcodeKind =
  | 'alu'
  | 'neg'
  | 'movsx'
  | 'endian'
  | 'addrSpaceCast'
  | 'load'
  | 'loadSigned'
  | 'store'
  | 'storeImm'
  | 'atomic'
  | 'atomicFetch'
  | 'atomicXchg'
  | 'atomicCmpxchg'
  | 'loadAcquire'
  | 'storeRelease'
  | 'jump'
  | 'goto'
  | 'gotox'
  | 'mayGoto'
  | 'call'
  | 'callx'
  | 'exit'
  | 'lddw'
  | 'loadAbs'
  | 'loadInd';

/** What the `src` field of `lddw` means. */
export const LDDW_SRC = {
  imm: 0,
  mapFd: 1,
  mapValue: 2,
  btfId: 3,
  func: 4,
  mapIdx: 5,
  mapIdxValue: 6,
} as const;

/** What the `src` field of `call` means. */
export const CALL_SRC = { helper: 0, local: 1, kfunc: 2 } as const;

/** Instruction classes: the low three bits of an opcode byte. */
export const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;
export const classOf = (code: number): number => code & 7;

export const OPCODES = {
  add32Imm: { code: 0x04, kind: 'alu', symbol: '+=', width: 32, source: 'imm', cpu: 1 },
  add32Reg: { code: 0x0c, kind: 'alu', symbol: '+=', width: 32, source: 'reg', cpu: 1 },
  add64Imm: { code: 0x07, kind: 'alu', symbol: '+=', width: 64, source: 'imm', cpu: 1 },
  add64Reg: { code: 0x0f, kind: 'alu', symbol: '+=', width: 64, source: 'reg', cpu: 1 },
  sub32Imm: { code: 0x14, kind: 'alu', symbol: '-=', width: 32, source: 'imm', cpu: 1 },
  sub32Reg: { code: 0x1c, kind: 'alu', symbol: '-=', width: 32, source: 'reg', cpu: 1 },
  sub64Imm: { code: 0x17, kind: 'alu', symbol: '-=', width: 64, source: 'imm', cpu: 1 },
  sub64Reg: { code: 0x1f, kind: 'alu', symbol: '-=', width: 64, source: 'reg', cpu: 1 },
  mul32Imm: { code: 0x24, kind: 'alu', symbol: '*=', width: 32, source: 'imm', cpu: 1 },
  mul32Reg: { code: 0x2c, kind: 'alu', symbol: '*=', width: 32, source: 'reg', cpu: 1 },
  mul64Imm: { code: 0x27, kind: 'alu', symbol: '*=', width: 64, source: 'imm', cpu: 1 },
  mul64Reg: { code: 0x2f, kind: 'alu', symbol: '*=', width: 64, source: 'reg', cpu: 1 },
  div32Imm: { code: 0x34, kind: 'alu', symbol: '/=', width: 32, source: 'imm', cpu: 1, off: 0 },
  div32Reg: { code: 0x3c, kind: 'alu', symbol: '/=', width: 32, source: 'reg', cpu: 1, off: 0 },
  div64Imm: { code: 0x37, kind: 'alu', symbol: '/=', width: 64, source: 'imm', cpu: 1, off: 0 },
  div64Reg: { code: 0x3f, kind: 'alu', symbol: '/=', width: 64, source: 'reg', cpu: 1, off: 0 },
  or32Imm: { code: 0x44, kind: 'alu', symbol: '|=', width: 32, source: 'imm', cpu: 1 },
  or32Reg: { code: 0x4c, kind: 'alu', symbol: '|=', width: 32, source: 'reg', cpu: 1 },
  or64Imm: { code: 0x47, kind: 'alu', symbol: '|=', width: 64, source: 'imm', cpu: 1 },
  or64Reg: { code: 0x4f, kind: 'alu', symbol: '|=', width: 64, source: 'reg', cpu: 1 },
  and32Imm: { code: 0x54, kind: 'alu', symbol: '&=', width: 32, source: 'imm', cpu: 1 },
  and32Reg: { code: 0x5c, kind: 'alu', symbol: '&=', width: 32, source: 'reg', cpu: 1 },
  and64Imm: { code: 0x57, kind: 'alu', symbol: '&=', width: 64, source: 'imm', cpu: 1 },
  and64Reg: { code: 0x5f, kind: 'alu', symbol: '&=', width: 64, source: 'reg', cpu: 1 },
  lsh32Imm: { code: 0x64, kind: 'alu', symbol: '<<=', width: 32, source: 'imm', cpu: 1 },
  lsh32Reg: { code: 0x6c, kind: 'alu', symbol: '<<=', width: 32, source: 'reg', cpu: 1 },
  lsh64Imm: { code: 0x67, kind: 'alu', symbol: '<<=', width: 64, source: 'imm', cpu: 1 },
  lsh64Reg: { code: 0x6f, kind: 'alu', symbol: '<<=', width: 64, source: 'reg', cpu: 1 },
  rsh32Imm: { code: 0x74, kind: 'alu', symbol: '>>=', width: 32, source: 'imm', cpu: 1 },
  rsh32Reg: { code: 0x7c, kind: 'alu', symbol: '>>=', width: 32, source: 'reg', cpu: 1 },
  rsh64Imm: { code: 0x77, kind: 'alu', symbol: '>>=', width: 64, source: 'imm', cpu: 1 },
  rsh64Reg: { code: 0x7f, kind: 'alu', symbol: '>>=', width: 64, source: 'reg', cpu: 1 },
  mod32Imm: { code: 0x94, kind: 'alu', symbol: '%=', width: 32, source: 'imm', cpu: 1, off: 0 },
  mod32Reg: { code: 0x9c, kind: 'alu', symbol: '%=', width: 32, source: 'reg', cpu: 1, off: 0 },
  mod64Imm: { code: 0x97, kind: 'alu', symbol: '%=', width: 64, source: 'imm', cpu: 1, off: 0 },
  mod64Reg: { code: 0x9f, kind: 'alu', symbol: '%=', width: 64, source: 'reg', cpu: 1, off: 0 },
  xor32Imm: { code: 0xa4, kind: 'alu', symbol: '^=', width: 32, source: 'imm', cpu: 1 },
  xor32Reg: { code: 0xac, kind: 'alu', symbol: '^=', width: 32, source: 'reg', cpu: 1 },
  xor64Imm: { code: 0xa7, kind: 'alu', symbol: '^=', width: 64, source: 'imm', cpu: 1 },
  xor64Reg: { code: 0xaf, kind: 'alu', symbol: '^=', width: 64, source: 'reg', cpu: 1 },
  mov32Imm: { code: 0xb4, kind: 'alu', symbol: '=', width: 32, source: 'imm', cpu: 1, off: 0 },
  mov32Reg: { code: 0xbc, kind: 'alu', symbol: '=', width: 32, source: 'reg', cpu: 1, off: 0 },
  mov64Imm: { code: 0xb7, kind: 'alu', symbol: '=', width: 64, source: 'imm', cpu: 1, off: 0 },
  mov64Reg: { code: 0xbf, kind: 'alu', symbol: '=', width: 64, source: 'reg', cpu: 1, off: 0 },
  arsh32Imm: { code: 0xc4, kind: 'alu', symbol: 's>>=', width: 32, source: 'imm', cpu: 1 },
  arsh32Reg: { code: 0xcc, kind: 'alu', symbol: 's>>=', width: 32, source: 'reg', cpu: 1 },
  arsh64Imm: { code: 0xc7, kind: 'alu', symbol: 's>>=', width: 64, source: 'imm', cpu: 1 },
  arsh64Reg: { code: 0xcf, kind: 'alu', symbol: 's>>=', width: 64, source: 'reg', cpu: 1 },
  sdiv32Imm: { code: 0x34, kind: 'alu', symbol: 's/=', width: 32, source: 'imm', cpu: 4, off: 1 },
  sdiv32Reg: { code: 0x3c, kind: 'alu', symbol: 's/=', width: 32, source: 'reg', cpu: 4, off: 1 },
  sdiv64Imm: { code: 0x37, kind: 'alu', symbol: 's/=', width: 64, source: 'imm', cpu: 4, off: 1 },
  sdiv64Reg: { code: 0x3f, kind: 'alu', symbol: 's/=', width: 64, source: 'reg', cpu: 4, off: 1 },
  smod32Imm: { code: 0x94, kind: 'alu', symbol: 's%=', width: 32, source: 'imm', cpu: 4, off: 1 },
  smod32Reg: { code: 0x9c, kind: 'alu', symbol: 's%=', width: 32, source: 'reg', cpu: 4, off: 1 },
  smod64Imm: { code: 0x97, kind: 'alu', symbol: 's%=', width: 64, source: 'imm', cpu: 4, off: 1 },
  smod64Reg: { code: 0x9f, kind: 'alu', symbol: 's%=', width: 64, source: 'reg', cpu: 4, off: 1 },
  neg32: { code: 0x84, kind: 'neg', width: 32, cpu: 1 },
  neg64: { code: 0x87, kind: 'neg', width: 64, cpu: 1 },
  movsx8To32: { code: 0xbc, kind: 'movsx', width: 32, fromWidth: 8, off: 8, cpu: 4 },
  movsx16To32: { code: 0xbc, kind: 'movsx', width: 32, fromWidth: 16, off: 16, cpu: 4 },
  movsx8To64: { code: 0xbf, kind: 'movsx', width: 64, fromWidth: 8, off: 8, cpu: 4 },
  movsx16To64: { code: 0xbf, kind: 'movsx', width: 64, fromWidth: 16, off: 16, cpu: 4 },
  movsx32To64: { code: 0xbf, kind: 'movsx', width: 64, fromWidth: 32, off: 32, cpu: 4 },
  le16: { code: 0xd4, kind: 'endian', symbol: 'le', width: 16, imm: 16, cpu: 1 },
  le32: { code: 0xd4, kind: 'endian', symbol: 'le', width: 32, imm: 32, cpu: 1 },
  le64: { code: 0xd4, kind: 'endian', symbol: 'le', width: 64, imm: 64, cpu: 1 },
  be16: { code: 0xdc, kind: 'endian', symbol: 'be', width: 16, imm: 16, cpu: 1 },
  be32: { code: 0xdc, kind: 'endian', symbol: 'be', width: 32, imm: 32, cpu: 1 },
  be64: { code: 0xdc, kind: 'endian', symbol: 'be', width: 64, imm: 64, cpu: 1 },
  bswap16: { code: 0xd7, kind: 'endian', symbol: 'bswap', width: 16, imm: 16, cpu: 4 },
  bswap32: { code: 0xd7, kind: 'endian', symbol: 'bswap', width: 32, imm: 32, cpu: 4 },
  bswap64: { code: 0xd7, kind: 'endian', symbol: 'bswap', width: 64, imm: 64, cpu: 4 },
  addrSpaceCast: { code: 0xbf, kind: 'addrSpaceCast', off: 1, cpu: 3 },
  load8: { code: 0x71, kind: 'load', width: 8, cpu: 1 },
  load16: { code: 0x69, kind: 'load', width: 16, cpu: 1 },
  load32: { code: 0x61, kind: 'load', width: 32, cpu: 1 },
  load64: { code: 0x79, kind: 'load', width: 64, cpu: 1 },
  loadSigned8: { code: 0x91, kind: 'loadSigned', width: 8, cpu: 4 },
  loadSigned16: { code: 0x89, kind: 'loadSigned', width: 16, cpu: 4 },
  loadSigned32: { code: 0x81, kind: 'loadSigned', width: 32, cpu: 4 },
  store8: { code: 0x73, kind: 'store', width: 8, cpu: 1 },
  store16: { code: 0x6b, kind: 'store', width: 16, cpu: 1 },
  store32: { code: 0x63, kind: 'store', width: 32, cpu: 1 },
  store64: { code: 0x7b, kind: 'store', width: 64, cpu: 1 },
  storeImm8: { code: 0x72, kind: 'storeImm', width: 8, cpu: 1 },
  storeImm16: { code: 0x6a, kind: 'storeImm', width: 16, cpu: 1 },
  storeImm32: { code: 0x62, kind: 'storeImm', width: 32, cpu: 1 },
  storeImm64: { code: 0x7a, kind: 'storeImm', width: 64, cpu: 1 },
  atomicAdd32: { code: 0xc3, kind: 'atomic', symbol: '+=', width: 32, imm: 0x00, cpu: 1 },
  atomicFetchAdd32: { code: 0xc3, kind: 'atomicFetch', symbol: 'add', width: 32, imm: 0x01, cpu: 3 },
  atomicAdd64: { code: 0xdb, kind: 'atomic', symbol: '+=', width: 64, imm: 0x00, cpu: 1 },
  atomicFetchAdd64: { code: 0xdb, kind: 'atomicFetch', symbol: 'add', width: 64, imm: 0x01, cpu: 3 },
  atomicOr32: { code: 0xc3, kind: 'atomic', symbol: '|=', width: 32, imm: 0x40, cpu: 3 },
  atomicFetchOr32: { code: 0xc3, kind: 'atomicFetch', symbol: 'or', width: 32, imm: 0x41, cpu: 3 },
  atomicOr64: { code: 0xdb, kind: 'atomic', symbol: '|=', width: 64, imm: 0x40, cpu: 3 },
  atomicFetchOr64: { code: 0xdb, kind: 'atomicFetch', symbol: 'or', width: 64, imm: 0x41, cpu: 3 },
  atomicAnd32: { code: 0xc3, kind: 'atomic', symbol: '&=', width: 32, imm: 0x50, cpu: 3 },
  atomicFetchAnd32: { code: 0xc3, kind: 'atomicFetch', symbol: 'and', width: 32, imm: 0x51, cpu: 3 },
  atomicAnd64: { code: 0xdb, kind: 'atomic', symbol: '&=', width: 64, imm: 0x50, cpu: 3 },
  atomicFetchAnd64: { code: 0xdb, kind: 'atomicFetch', symbol: 'and', width: 64, imm: 0x51, cpu: 3 },
  atomicXor32: { code: 0xc3, kind: 'atomic', symbol: '^=', width: 32, imm: 0xa0, cpu: 3 },
  atomicFetchXor32: { code: 0xc3, kind: 'atomicFetch', symbol: 'xor', width: 32, imm: 0xa1, cpu: 3 },
  atomicXor64: { code: 0xdb, kind: 'atomic', symbol: '^=', width: 64, imm: 0xa0, cpu: 3 },
  atomicFetchXor64: { code: 0xdb, kind: 'atomicFetch', symbol: 'xor', width: 64, imm: 0xa1, cpu: 3 },
  atomicXchg32: { code: 0xc3, kind: 'atomicXchg', width: 32, imm: 0xe1, cpu: 3 },
  atomicCmpxchg32: { code: 0xc3, kind: 'atomicCmpxchg', width: 32, imm: 0xf1, cpu: 3 },
  atomicXchg64: { code: 0xdb, kind: 'atomicXchg', width: 64, imm: 0xe1, cpu: 3 },
  atomicCmpxchg64: { code: 0xdb, kind: 'atomicCmpxchg', width: 64, imm: 0xf1, cpu: 3 },
  loadAcquire8: { code: 0xd3, kind: 'loadAcquire', width: 8, imm: 0x100, cpu: 4 },
  loadAcquire16: { code: 0xcb, kind: 'loadAcquire', width: 16, imm: 0x100, cpu: 4 },
  loadAcquire32: { code: 0xc3, kind: 'loadAcquire', width: 32, imm: 0x100, cpu: 4 },
  loadAcquire64: { code: 0xdb, kind: 'loadAcquire', width: 64, imm: 0x100, cpu: 4 },
  storeRelease8: { code: 0xd3, kind: 'storeRelease', width: 8, imm: 0x110, cpu: 4 },
  storeRelease16: { code: 0xcb, kind: 'storeRelease', width: 16, imm: 0x110, cpu: 4 },
  storeRelease32: { code: 0xc3, kind: 'storeRelease', width: 32, imm: 0x110, cpu: 4 },
  storeRelease64: { code: 0xdb, kind: 'storeRelease', width: 64, imm: 0x110, cpu: 4 },
  jeq32Imm: { code: 0x16, kind: 'jump', symbol: '==', width: 32, source: 'imm', cpu: 3 },
  jeq32Reg: { code: 0x1e, kind: 'jump', symbol: '==', width: 32, source: 'reg', cpu: 3 },
  jeq64Imm: { code: 0x15, kind: 'jump', symbol: '==', width: 64, source: 'imm', cpu: 1 },
  jeq64Reg: { code: 0x1d, kind: 'jump', symbol: '==', width: 64, source: 'reg', cpu: 1 },
  jgt32Imm: { code: 0x26, kind: 'jump', symbol: '>', width: 32, source: 'imm', cpu: 3 },
  jgt32Reg: { code: 0x2e, kind: 'jump', symbol: '>', width: 32, source: 'reg', cpu: 3 },
  jgt64Imm: { code: 0x25, kind: 'jump', symbol: '>', width: 64, source: 'imm', cpu: 1 },
  jgt64Reg: { code: 0x2d, kind: 'jump', symbol: '>', width: 64, source: 'reg', cpu: 1 },
  jge32Imm: { code: 0x36, kind: 'jump', symbol: '>=', width: 32, source: 'imm', cpu: 3 },
  jge32Reg: { code: 0x3e, kind: 'jump', symbol: '>=', width: 32, source: 'reg', cpu: 3 },
  jge64Imm: { code: 0x35, kind: 'jump', symbol: '>=', width: 64, source: 'imm', cpu: 1 },
  jge64Reg: { code: 0x3d, kind: 'jump', symbol: '>=', width: 64, source: 'reg', cpu: 1 },
  jset32Imm: { code: 0x46, kind: 'jump', symbol: '&', width: 32, source: 'imm', cpu: 3 },
  jset32Reg: { code: 0x4e, kind: 'jump', symbol: '&', width: 32, source: 'reg', cpu: 3 },
  jset64Imm: { code: 0x45, kind: 'jump', symbol: '&', width: 64, source: 'imm', cpu: 1 },
  jset64Reg: { code: 0x4d, kind: 'jump', symbol: '&', width: 64, source: 'reg', cpu: 1 },
  jne32Imm: { code: 0x56, kind: 'jump', symbol: '!=', width: 32, source: 'imm', cpu: 3 },
  jne32Reg: { code: 0x5e, kind: 'jump', symbol: '!=', width: 32, source: 'reg', cpu: 3 },
  jne64Imm: { code: 0x55, kind: 'jump', symbol: '!=', width: 64, source: 'imm', cpu: 1 },
  jne64Reg: { code: 0x5d, kind: 'jump', symbol: '!=', width: 64, source: 'reg', cpu: 1 },
  jsgt32Imm: { code: 0x66, kind: 'jump', symbol: 's>', width: 32, source: 'imm', cpu: 3 },
  jsgt32Reg: { code: 0x6e, kind: 'jump', symbol: 's>', width: 32, source: 'reg', cpu: 3 },
  jsgt64Imm: { code: 0x65, kind: 'jump', symbol: 's>', width: 64, source: 'imm', cpu: 1 },
  jsgt64Reg: { code: 0x6d, kind: 'jump', symbol: 's>', width: 64, source: 'reg', cpu: 1 },
  jsge32Imm: { code: 0x76, kind: 'jump', symbol: 's>=', width: 32, source: 'imm', cpu: 3 },
  jsge32Reg: { code: 0x7e, kind: 'jump', symbol: 's>=', width: 32, source: 'reg', cpu: 3 },
  jsge64Imm: { code: 0x75, kind: 'jump', symbol: 's>=', width: 64, source: 'imm', cpu: 1 },
  jsge64Reg: { code: 0x7d, kind: 'jump', symbol: 's>=', width: 64, source: 'reg', cpu: 1 },
  jlt32Imm: { code: 0xa6, kind: 'jump', symbol: '<', width: 32, source: 'imm', cpu: 3 },
  jlt32Reg: { code: 0xae, kind: 'jump', symbol: '<', width: 32, source: 'reg', cpu: 3 },
  jlt64Imm: { code: 0xa5, kind: 'jump', symbol: '<', width: 64, source: 'imm', cpu: 2 },
  jlt64Reg: { code: 0xad, kind: 'jump', symbol: '<', width: 64, source: 'reg', cpu: 2 },
  jle32Imm: { code: 0xb6, kind: 'jump', symbol: '<=', width: 32, source: 'imm', cpu: 3 },
  jle32Reg: { code: 0xbe, kind: 'jump', symbol: '<=', width: 32, source: 'reg', cpu: 3 },
  jle64Imm: { code: 0xb5, kind: 'jump', symbol: '<=', width: 64, source: 'imm', cpu: 2 },
  jle64Reg: { code: 0xbd, kind: 'jump', symbol: '<=', width: 64, source: 'reg', cpu: 2 },
  jslt32Imm: { code: 0xc6, kind: 'jump', symbol: 's<', width: 32, source: 'imm', cpu: 3 },
  jslt32Reg: { code: 0xce, kind: 'jump', symbol: 's<', width: 32, source: 'reg', cpu: 3 },
  jslt64Imm: { code: 0xc5, kind: 'jump', symbol: 's<', width: 64, source: 'imm', cpu: 2 },
  jslt64Reg: { code: 0xcd, kind: 'jump', symbol: 's<', width: 64, source: 'reg', cpu: 2 },
  jsle32Imm: { code: 0xd6, kind: 'jump', symbol: 's<=', width: 32, source: 'imm', cpu: 3 },
  jsle32Reg: { code: 0xde, kind: 'jump', symbol: 's<=', width: 32, source: 'reg', cpu: 3 },
  jsle64Imm: { code: 0xd5, kind: 'jump', symbol: 's<=', width: 64, source: 'imm', cpu: 2 },
  jsle64Reg: { code: 0xdd, kind: 'jump', symbol: 's<=', width: 64, source: 'reg', cpu: 2 },
  goto: { code: 0x05, kind: 'goto', distance: 'off', cpu: 1 },
  gotol: { code: 0x06, kind: 'goto', distance: 'imm', cpu: 4 },
  gotox: { code: 0x0d, kind: 'gotox', cpu: 4 },
  mayGoto: { code: 0xe5, kind: 'mayGoto', src: 0, cpu: 4 },
  callHelper: { code: 0x85, kind: 'call', src: 0, cpu: 1 },
  callLocal: { code: 0x85, kind: 'call', src: 1, cpu: 1 },
  callKfunc: { code: 0x85, kind: 'call', src: 2, cpu: 1 },
  callx: { code: 0x8d, kind: 'callx', cpu: 1 },
  exit: { code: 0x95, kind: 'exit', cpu: 1 },
  lddw: { code: 0x18, kind: 'lddw', cpu: 1 },
  loadAbs8: { code: 0x30, kind: 'loadAbs', width: 8, cpu: 1 },
  loadAbs16: { code: 0x28, kind: 'loadAbs', width: 16, cpu: 1 },
  loadAbs32: { code: 0x20, kind: 'loadAbs', width: 32, cpu: 1 },
  loadInd8: { code: 0x50, kind: 'loadInd', width: 8, cpu: 1 },
  loadInd16: { code: 0x48, kind: 'loadInd', width: 16, cpu: 1 },
  loadInd32: { code: 0x40, kind: 'loadInd', width: 32, cpu: 1 },
} as const satisfies Record<string, OpcodeRow>;

export type OpcodeName = keyof typeof OPCODES;

/** Rows by opcode byte; most bytes have one, selectors tell the others apart. */
const byCode: (readonly OpcodeName[] | undefined)[] = [];
for (const name of Object.keys(OPCODES) as OpcodeName[]) {
  const code = OPCODES[name].code;
  byCode[code] = [...(byCode[code] ?? []), name];
}

interface Fields {
  readonly code: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
}

/** The row's name for an instruction; undefined when there is no such instruction. */
export function opcodeOf(insn: Fields): OpcodeName | undefined {
  const names = byCode[insn.code];
  if (names === undefined) return undefined;
  for (const name of names) {
    const row: OpcodeRow = OPCODES[name];
    if (row.off !== undefined && row.off !== insn.off) continue;
    if (row.imm !== undefined && row.imm !== insn.imm) continue;
    if (row.src !== undefined && row.src !== insn.src) continue;
    return name;
  }
  return undefined;
}

export const rowOf = (name: OpcodeName): OpcodeRow => OPCODES[name];
