/**
 * Loads an object as one kernel would get it: with that kernel's type information and release. The type information is
 * read and parsed only when the object asks for it.
 */
import type { Btf } from '../btf/types';
import { objectForKernel } from '../loader/forKernel';
import { loadObject } from '../loader/loadObject';
import type { ObjectSpec } from '../loader/objectSpec';
import type { Profile } from '../spec/profile';
import { ok, type Result } from '../util/problem';
import { kconfigFor } from './kconfig';
import { kernelBtfFor, type KernelBtfChoice } from './kernelBtf';

export interface LoadRequest {
  /** Path for messages and names of data maps. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly relaxed: boolean;
  readonly btf: KernelBtfChoice;
}

/** An object whose properties cost something only when they are read. */
export function lazyKernelBtf(profile: Profile, choice: KernelBtfChoice): { readonly kernelBtf?: Btf } {
  return {
    get kernelBtf(): Btf | undefined {
      const found = kernelBtfFor(profile, choice);
      return found.ok ? found.value.btf : undefined;
    },
  };
}

/** For machines: the types of the kernel, read when a program looks at its objects. */
export function kernelTypesFor(profile: Profile, choice: KernelBtfChoice): () => Btf | undefined {
  const lazy = lazyKernelBtf(profile, choice);
  return () => lazy.kernelBtf;
}

/** Loads the object as it would be for one kernel. */
export function loadFor(request: LoadRequest, profile: Profile): Result<ObjectSpec> {
  if (request.btf.file !== undefined) {
    // A file that the user named must be readable whether or not it is needed.
    const named = kernelBtfFor(profile, request.btf);
    if (!named.ok) return named;
  }
  const options = lazyKernelBtf(profile, request.btf);
  const object = loadObject(
    request.file,
    request.bytes,
    Object.defineProperties(
      { relaxed: request.relaxed, kernelRelease: profile.release },
      {
        kernelBtf: { get: () => options.kernelBtf, enumerable: true },
        kconfig: { get: () => kconfigFor(profile), enumerable: true },
      },
    ),
  );
  return object.ok ? ok(objectForKernel(object.value, profile)) : object;
}
