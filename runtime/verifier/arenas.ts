/**
 * Arenas: memory that a program shares with user space. A program has at most one; what is read and written through
 * pointers into it is `memoryAccess.ts`, casts are `alu.ts`.
 * Evidence: programs `arena*` of test/fixtures/rulebook, measured on 6.12 and 7.2.
 */
import type { MapSpec } from '../loader/objectSpec';
import { CLASS, classOf } from '../spec/opcodes';
import { hasFeature, reject, type VerifierEnv } from './env';
import { EBUSY, EINVAL, EOPNOTSUPP } from './outcome';

const SIGN_EXTENDING = 4;
const cache = new WeakMap<VerifierEnv, MapSpec | null>();

/** The arena that the program names; undefined when it names none. */
export function arenaOf(env: VerifierEnv): MapSpec | undefined {
  let arena = cache.get(env);
  if (arena === undefined) {
    arena = namedArenas(env)[0] ?? null;
    cache.set(env, arena);
  }
  return arena ?? undefined;
}

function namedArenas(env: VerifierEnv): MapSpec[] {
  const maps = new Set<MapSpec>();
  for (const reference of env.program.references.values()) {
    if (reference.kind === 'map' || reference.kind === 'mapValue') maps.add(env.maps[reference.map]);
  }
  return [...maps].filter((map) => map.type === 'BPF_MAP_TYPE_ARENA');
}

/**
 * An arena that the program names for the first time. A program works with one only (`another`: it has one already), which has its
 * place in user space: loaders see to that, bare programs have none.
 */
export function checkArena(env: VerifierEnv, another: boolean): void {
  const refuse = (code: string, message: string, errno: number): never =>
    reject(env, { code, category: 'Policy', errno, message, insn: -1 });
  if (another) refuse('two-arenas', 'Only one arena per program', EBUSY);
  if (env.object.bare === true) {
    const message = "arena's user address must be set via map_extra or mmap()";
    refuse('arena-without-address', message, EINVAL);
  }
}

/** After the walk: loads from an arena that extend the sign, for which older kernels have no code. */
export function checkArenaLoads(env: VerifierEnv): void {
  if (hasFeature(env, 'arenaSignedLoads')) return;
  env.insns.forEach((insn, at) => {
    const signed = classOf(insn.code) === CLASS.ldx && insn.code >> 5 === SIGN_EXTENDING;
    if (!signed || env.aux[at].pointerClass !== 'arena') return;
    reject(env, {
      code: 'arena-signed-load',
      category: 'Memory Safety',
      errno: EOPNOTSUPP,
      message: 'sign extending loads from arena are not supported yet',
      insn: at,
    });
  });
}
