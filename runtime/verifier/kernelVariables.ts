/**
 * Addresses of kernel symbols that a program names (`extern … __ksym`): what a register holds after such a load. Per-CPU
 * variables must go through bpf_per_cpu_ptr first.
 * Evidence: recorded answers of 6.1, 6.12 and 7.2.
 */
import { findType, resolveModifiers, sizeOfType } from '../btf/query';
import { kernelSymbol } from '../spec/kernelSymbols';
import { unknown, type VerifierEnv } from './env';
import { knownScalar, MEM_PERCPU, MEM_RDONLY, pointer, type RegState } from './regState';

const PERCPU_SECTION = '.data..percpu';

/** Addresses like those of kernel symbols, each its own; which they are differs from boot to boot. */
const FIRST_ADDRESS = 0xffffffff81000000n;
const ADDRESS_STEP_BYTES = 0x1000n;

/** The register that holds the address of a symbol that is declared without a type, `extern void … __ksym`. */
export function symbolAddress(env: VerifierEnv, name: string): RegState {
  if (findSymbol(env, name) !== 'address') return knownScalar(0n);
  const nth = env.object.externs.findIndex((extern) => extern.name === name);
  return knownScalar(FIRST_ADDRESS + BigInt(nth + 1) * ADDRESS_STEP_BYTES);
}

/** What is known of a name in the kernel's symbol table. */
export function findSymbol(env: VerifierEnv, name: string): ReturnType<typeof kernelSymbol> {
  const listed = kernelSymbol(env.profile, name);
  if (listed !== undefined || env.kernelBtf === undefined) return listed;
  return findType(env.kernelBtf, name, 'func', 'var') === 0 ? undefined : 'address';
}

/** The register that holds the address of variable or function `btfId` of the kernel's BTF. */
export function kernelVariable(env: VerifierEnv, name: string, btfId: number): RegState {
  const btf = env.kernelBtf;
  const symbol = btf?.types[btfId];
  if (btf === undefined || btfId === 0 || symbol === undefined)
    return unknown(env, `kernel variable ${name}`);
  // of a function, only whether it is there can be asked
  if (symbol.kind === 'func') return pointer('mem', { flags: MEM_RDONLY, memSize: 0 });
  if (symbol.kind !== 'var') return unknown(env, `kernel variable ${name}`);
  const section = btf.types[findType(btf, PERCPU_SECTION, 'datasec')];
  if (section?.kind === 'datasec' && section.vars.some((entry) => entry.type === btfId)) {
    return pointer('btfId', { btfId: symbol.type, btfOf: 'kernel', flags: MEM_PERCPU });
  }
  const typeId = resolveModifiers(btf, symbol.type);
  const type = btf.types[typeId];
  if (type.kind === 'struct' || type.kind === 'union')
    return pointer('btfId', { btfId: typeId, btfOf: 'kernel' });
  const sizeBytes = sizeOfType(btf, typeId);
  if (sizeBytes === undefined) return unknown(env, `the size of kernel variable ${name}`);
  return pointer('mem', { flags: MEM_RDONLY, memSize: sizeBytes });
}
