/**
 * Setting a variable or a register to the value of an expression. This is the only thing in the debugger that changes
 * the machine; the run continues from the changed state and is then no longer the one that the scenario describes.
 */
import { resolvedType, sizeOfType } from '../btf/query';
import type { Debugger } from './debugger';
import { evaluate } from './evaluate';
import { ExpressionError } from './expression';
import type { LiveFrame } from './frames';
import type { Node } from './tree';
import { formatValue, readScalar } from './values';

/** @returns the new text of the node. @throws ExpressionError */
export function writeNode(debug: Debugger, frame: LiveFrame | undefined, node: Node, text: string): string {
  const { target } = debug;
  const { value } = evaluate(debug.scope(frame), text);
  const read = readScalar(target, value);
  if (!read.ok) throw new ExpressionError(read.why);
  const setRegister = (register: number): void => {
    if (register === 10)
      throw new ExpressionError('r10 is the frame pointer: programs cannot change it either');
    const done =
      frame &&
      target.writeRegister(
        frame.cpu,
        frame.contextIndex,
        frame.frame,
        register,
        BigInt.asUintN(64, read.value),
      );
    if (!done) throw new ExpressionError('this register cannot be set here');
  };
  if (node.register !== undefined) {
    setRegister(node.register);
    return String(read.value);
  }
  const to = node.value;
  const kind = to && resolvedType(to.types, to.type).kind;
  if (!to || (kind !== 'int' && kind !== 'enum' && kind !== 'ptr'))
    throw new ExpressionError('only numbers, enumerators and pointers can be set');
  if (to.bits) throw new ExpressionError('bit-fields cannot be set');
  if (to.storage.kind === 'absent') throw new ExpressionError(to.storage.why);
  if (to.storage.kind === 'bytes') {
    if (to.storage.register === undefined)
      throw new ExpressionError('it is computed, there is no place to write to');
    setRegister(to.storage.register);
    return String(read.value);
  }
  const bytes = new Uint8Array(sizeOfType(to.types, to.type) ?? 0);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number((read.value >> BigInt(8 * i)) & 0xffn);
  if (!target.writeMemory(to.storage.address, bytes))
    throw new ExpressionError('this memory cannot be written');
  return formatValue(target, to);
}
