/** A pointer that was found not to be NULL. */
import type { VerifierEnv } from './env';
import { mapInfo } from './mapRules';
import { changed, MAYBE_NULL, type RegState } from './regState';
import { hasDeferredField } from './specialMapFields';

const SOCK_MAPS: ReadonlySet<string> = new Set(['BPF_MAP_TYPE_SOCKMAP', 'BPF_MAP_TYPE_SOCKHASH']);

/** A value of a map of maps is itself a map; a value of a socket map a socket. */
export function becomeNotNull(env: VerifierEnv, reg: RegState): RegState {
  const flags = reg.flags & ~MAYBE_NULL;
  if (reg.type !== 'mapValue' || reg.map === null) return changed(reg, { flags });
  if (reg.map.inner && mapInfo(env, reg.map).row.lookup === 'innerMap') {
    // The lookup's id tells the inner maps of different lookups apart.
    const mapUid = hasDeferredField(env, reg.map.inner) ? reg.id : reg.mapUid;
    return changed(reg, { flags, type: 'mapPtr', map: reg.map.inner, mapUid });
  }
  if (reg.map.type === 'BPF_MAP_TYPE_XSKMAP') return changed(reg, { flags, type: 'xdpSock' });
  if (SOCK_MAPS.has(reg.map.type)) return changed(reg, { flags, type: 'socket' });
  return changed(reg, { flags });
}
