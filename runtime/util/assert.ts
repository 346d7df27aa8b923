/**
 * Assertions are for our own bugs only. A user's mistake is a value (`Problem`), a modelled fault is an
 * outcome of the simulation; neither is ever reported through here.
 */
export class InternalError extends Error {
  override name = 'InternalError';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never): never {
  throw new InternalError(`unreachable: ${String(value)}`);
}
