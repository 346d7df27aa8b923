/** Numbers that the protocol uses for things of one stop: frames and variable containers. All end with the stop. */
import type { StackFrame } from '../runtime/debug/frames';
import type { Node, Scope } from '../runtime/debug/tree';

export type Container =
  | { readonly kind: 'scope'; readonly scope: Scope; readonly frame: number }
  | { readonly kind: 'node'; readonly node: Node; readonly frame: number };

export class StopHandles {
  private readonly containers: Container[] = [];
  private readonly frames: { readonly cpu: number; readonly frame: StackFrame }[] = [];
  private readonly stacks = new Map<number, readonly number[]>();

  /** Frame ids of a CPU's stack, made once per stop so that they stay the same while paging. */
  stack(cpu: number, make: () => readonly StackFrame[]): readonly number[] {
    let ids = this.stacks.get(cpu);
    if (!ids) {
      ids = make().map((frame) => this.frames.push({ cpu, frame }));
      this.stacks.set(cpu, ids);
    }
    return ids;
  }

  frame(id: number | undefined): StackFrame | undefined {
    return id === undefined ? undefined : this.frames.at(id - 1)?.frame;
  }

  cpuOf(id: number): number | undefined {
    return this.frames.at(id - 1)?.cpu;
  }

  addContainer(container: Container): number {
    return this.containers.push(container);
  }

  container(reference: number): Container | undefined {
    return reference > 0 ? this.containers.at(reference - 1) : undefined;
  }
}
