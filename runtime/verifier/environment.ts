/**
 * The environment of one verification as it begins. A class, because its fields are read at every instruction: an object
 * literal with a getter would be kept as a hash table by the engine.
 */
import type { Btf } from '../btf/types';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../loader/objectSpec';
import { FEATURES, type FeatureName } from '../spec/features';
import { PROGRAM_FLAGS } from '../spec/loadAttributes';
import { has, type Profile } from '../spec/profile';
import type { SpecialFields } from '../btf/specialFields';
import { newState } from './branches';
import type {
  CallableHelper,
  CheckpointBucket,
  FeatureFlags,
  InsnAux,
  PendingBranch,
  Subprog,
  VerifierEnv,
} from './env';
import { newFrame, type FuncFrame } from './frame';
import { makeLog, type LogSink } from './logSink';
import type { MapInfo } from './mapRules';
import type { RegState } from './regState';
import type { LoopVisit } from './loopVisits';
import type { FastCalls } from './fastCalls';
import type { StaticLiveness } from './staticLiveness';
import { everythingUnprinted } from './unprinted';
import type { HistoryEntry, VerifierState } from './verifierState';

const { strictAlignment: STRICT, anyAlignment: ANY, testStateFreq: TEST_STATE_FREQ } = PROGRAM_FLAGS;

/** What the caller may give: see `VerifyOptions`. */
interface Given {
  readonly kernelBtf?: Btf;
  readonly logLevel?: 0 | 1 | 2;
  readonly possibleCpus?: number;
}
const POSSIBLE_CPUS = 128;

export class Environment implements VerifierEnv {
  insns: VerifierEnv['insns'];
  readonly maps: readonly MapSpec[];
  readonly subprogs: Subprog[] = [];
  readonly aux: readonly InsnAux[];
  readonly features: FeatureFlags;
  readonly possibleCpus: number;
  readonly strictAlignment: boolean;
  readonly testStateFreq: boolean;
  enterAfterCall: FuncFrame | null = null;
  insnIdx = 0;
  prevInsnIdx = -1;
  readonly pending: PendingBranch[] = [];
  curHistory: HistoryEntry | null = null;
  untranslatable: VerifierEnv['untranslatable'] = null;
  readonly fieldCache = new Map<MapSpec, SpecialFields>();
  readonly mapInfos = new Map<MapSpec, MapInfo>();
  readonly helpers = new Map<number, CallableHelper>();
  readonly immediates = new Map<number, RegState>();
  readonly explored: (CheckpointBucket[] | undefined)[];
  fastCalls: FastCalls | null = null;
  staticLiveness: StaticLiveness | null = null;
  readonly loopVisits = new Map<string, LoopVisit>();
  readonly jumpTables = new Map<number, readonly number[]>();
  idGenerator = 0;
  log: LogSink;
  readonly unprinted = everythingUnprinted();
  lastLine = -1;
  processedInsns = 0;
  prevInsnsProcessed = 0;
  prevJumpsProcessed = 0;
  totalStates = 0;
  maxStatesPerInsn = 0;
  peakStates = 0;
  liveStates = 0;
  jumpsProcessed = 0;
  stateSerial = 0;
  seenDirectWrite = false;
  verifyingSubprog = -1;
  cur: VerifierState;

  constructor(
    readonly program: ProgramSpec,
    readonly object: ObjectSpec,
    readonly profile: Profile,
    private readonly given: Given,
  ) {
    const loadFlags = program.load?.flags ?? 0;
    this.insns = program.insns;
    this.maps = object.maps;
    this.aux = program.insns.map(newAux);
    this.explored = program.insns.map(() => undefined);
    this.features = featuresOf(profile);
    this.possibleCpus = given.possibleCpus ?? POSSIBLE_CPUS;
    this.strictAlignment = (loadFlags & (STRICT | ANY)) === STRICT;
    this.testStateFreq = (loadFlags & TEST_STATE_FREQ) !== 0;
    this.log = makeLog(given.logLevel ?? 0);
    this.cur = newState(this, newFrame(-1, 0, 0));
  }

  /** Read only when a rule asks: parsing a kernel's types costs more than most programs. */
  get kernelBtf(): Btf | undefined {
    return this.given.kernelBtf;
  }
}

/** Answers by profile: there are many features and few profiles. A cache, not state. */
const flags = new WeakMap<Profile, FeatureFlags>();

function featuresOf(profile: Profile): FeatureFlags {
  let known = flags.get(profile);
  if (known === undefined) {
    const names = Object.keys(FEATURES) as FeatureName[];
    known = Object.fromEntries(names.map((name) => [name, has(profile, name)])) as FeatureFlags;
    flags.set(profile, known);
  }
  return known;
}

const newAux = (): InsnAux => ({
  seen: false,
  prunePoint: false,
  jumpPoint: false,
  jumpTarget: false,
  forceCheckpoint: false,
  callsCallback: false,
  iteratorNext: false,
  mapOfCall: null,
  pointerType: '',
  pointerClass: '',
  pointerFlags: -1,
  liveRegsBefore: 0x7ff,
  loopInline: false,
  loopCallback: -1,
  immediate: null,
  aluDst: null,
  aluSrc: null,
  aluResult: null,
  comparison: null,
});
