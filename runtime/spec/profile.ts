/**
 * A profile is one named kernel: release, configuration, architecture, privileges and fix switches. Every verdict
 * names its profile. No code asks for a version by number: it asks `has(profile, feature)` (see `features.ts`).
 */
import { FEATURES, type FeatureName } from './features';

export interface Profile {
  /** The name users type: `6.12`. */
  readonly name: string;
  /** Exact release the profile stands for: `6.12.117`. */
  readonly release: string;
  /** `measured`: compared with this very kernel under QEMU. `facts`: derived from documented history. */
  readonly basis: 'measured' | 'facts';
  readonly arch: 'x86_64';
  readonly jit: boolean;
  readonly preemptRt: boolean;
  readonly hz: number;
  /** Fix switches turned off for this profile by the user (race lessons); names from `features.ts`. */
  readonly without: readonly FeatureName[];
  /** Fixes that this kernel does not have and the user switched on. */
  readonly having?: readonly FeatureName[];
}

const facts = { arch: 'x86_64', jit: true, preemptRt: false, hz: 250, without: [] } as const;

/** Oldest first. The measured ones are Debian amd64 cloud kernels. */
export const PROFILES: readonly Profile[] = [
  { name: '5.15', release: '5.15.0', basis: 'facts', ...facts },
  { name: '6.1', release: '6.1.192', basis: 'measured', ...facts },
  { name: '6.6', release: '6.6.0', basis: 'facts', ...facts },
  { name: '6.12', release: '6.12.117', basis: 'measured', ...facts },
  { name: '6.18', release: '6.18.0', basis: 'facts', ...facts },
  { name: '7.2', release: '7.2.13', basis: 'measured', ...facts },
];

export const DEFAULT_PROFILE = '6.12';

export const findProfile = (name: string): Profile | undefined => PROFILES.find((p) => p.name === name);

/** Position of a profile name in history; features compare by it. */
const order = (name: string): number => PROFILES.findIndex((p) => p.name === name);

/** Answers so far, by profile: the model asks at every step of every kernel operation. A cache, not state. */
const answers = new WeakMap<Profile, Map<FeatureName, boolean>>();

/** Whether the kernel of `profile` has `feature`: since ≤ profile < until, or listed as a backport; a switch of the user's decides first. */
export function has(profile: Profile, feature: FeatureName): boolean {
  let known = answers.get(profile);
  if (known === undefined) answers.set(profile, (known = new Map<FeatureName, boolean>()));
  let answer = known.get(feature);
  if (answer === undefined) known.set(feature, (answer = lookUp(profile, feature)));
  return answer;
}

function lookUp(profile: Profile, feature: FeatureName): boolean {
  if (profile.without.includes(feature)) return false;
  if (profile.having?.includes(feature) === true) return true;
  const row: FeatureRow = FEATURES[feature];
  if (row.backports?.includes(profile.name)) return true;
  const at = order(profile.name);
  if (row.since !== undefined && at < order(row.since)) return false;
  return row.until === undefined || at < order(row.until);
}

/** Whether a row with that `since` holds for the profile (a row without one always does). */
export const isSince = (profile: Profile, since: string | undefined): boolean =>
  since === undefined || order(profile.name) >= order(since);

/** One row of the feature table. `since` and `until` name profiles; `until` is exclusive. */
export interface FeatureRow {
  readonly what: string;
  readonly since?: string;
  readonly until?: string;
  /** Profiles older than `since` whose measured or documented release has it all the same. */
  readonly backports?: readonly string[];
  /** Where the fact comes from: "measured", a release note, a fact sheet row. */
  readonly evidence: string;
}
