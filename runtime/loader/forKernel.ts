/**
 * An object as one kernel comes to see it: libbpf loads the object's types first, and when a kernel refuses them it goes
 * on without. Maps then have no types there and programs no function or line info, although the object has both.
 */
import { typeFault } from '../btf/kernelDemands';
import { structThatSpoilsBtf } from '../btf/specialFields';
import type { Btf } from '../btf/types';
import type { Profile } from '../spec/profile';
import type { MapSpec, ObjectSpec } from './objectSpec';

/** What in the types the kernel does not take, if anything, and what to do about it. */
function refusalOf(btf: Btf, profile: Profile): { because: string; remedy: string } | undefined {
  const fault = typeFault(btf, profile, true);
  if (fault !== undefined) {
    const { kind, name } = btf.types[fault.typeId];
    return {
      because: `${kind} '${name}' (${fault.message})`,
      remedy: 'Give all parameters names, and types names as C has them.',
    };
  }
  const spoiler = structThatSpoilsBtf(btf, profile);
  if (spoiler === undefined) return undefined;
  return {
    because: `'struct ${spoiler.name}'`,
    remedy: `Let 'struct ${spoiler.name}' hold at most one of each kind of kernel object, with all that they need beside them.`,
  };
}

/** The same object when the kernel takes its types; else a copy whose maps and functions are without. */
export function objectForKernel(object: ObjectSpec, profile: Profile): ObjectSpec {
  const refusal = object.btf && refusalOf(object.btf, profile);
  if (refusal === undefined) return object;
  const untyped = (map: MapSpec): MapSpec => ({
    ...map,
    keyTypeId: 0,
    valueTypeId: 0,
    inner: map.inner && untyped(map.inner),
  });
  return {
    ...object,
    maps: object.maps.map(untyped),
    programs: object.programs.map((program) => ({
      ...program,
      functions: program.functions.map((code) => ({ ...code, btfId: 0, linkage: 'static' as const })),
    })),
    warnings: [
      ...object.warnings,
      {
        code: 'btf-refused',
        message: `kernel ${profile.name} refuses the object's types because of ${refusal.because}; maps have none there`,
        place: { file: object.file },
        remedy: refusal.remedy,
      },
    ],
  };
}
