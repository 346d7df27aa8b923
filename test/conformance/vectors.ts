export interface Vector {
  readonly name: string;
}
export const allVectors = (): Vector[] => [];
export const checkVector = (_vector: Vector): string | undefined => undefined;
