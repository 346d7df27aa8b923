/**
 * Addresses of kernel symbols that a program names (`extern … __ksym`): what a register holds after such a load. Per-CPU
 * variables must go through bpf_per_cpu_ptr first.
 * Evidence: recorded answers of 6.1, 6.12 and 7.2.
 */
import { findType, resolveModifiers, sizeOfType } from '../btf/query';
import { unknown, type VerifierEnv } from './env';
import { MEM_PERCPU, MEM_RDONLY, pointer, type RegState } from './regState';

const PERCPU_SECTION = '.data..percpu';

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
