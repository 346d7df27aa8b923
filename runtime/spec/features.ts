/**
 * What kernels differ in, one row per behaviour. `since`/`until` name profiles (the first profile that has it, the
 * first that no longer has it). A row is added for every difference that code asks about.
 */
import type { FeatureRow } from './profile';

export const FEATURES = {
  timerStartAbs: {
    what: 'bpf_timer_start accepts BPF_F_TIMER_ABS',
    since: '6.6',
    evidence: 'mainline 6.4; measured 6.1 refuses, 6.12 accepts',
  },
  timerStartCpuPin: {
    what: 'bpf_timer_start accepts BPF_F_TIMER_CPU_PIN',
    since: '6.12',
    evidence: 'mainline 6.7; measured on 6.12',
  },
  timerFieldRecord: {
    what: 'special fields are found by field record; one message for every bad layout',
    since: '6.6',
    evidence: 'mainline 6.2; measured on 6.1 and 6.12',
  },
  timerArgErrnoInner: {
    what: 'timer argument errors keep EINVAL instead of EACCES',
    since: '6.6',
    evidence: 'mainline 6.2; measured on 6.1 and 6.12',
  },
  timerUserCountRecheck: {
    what: 'bpf_timer_init tests the map user count after publishing the timer, and undoes',
    since: '6.12',
    backports: ['6.1'],
    evidence: 'mainline 6.7; present in 6.1.192',
  },
  timerMutualCancelCheck: {
    what: 'bpf_timer_cancel inside a callback refuses (EDEADLK) when its own timer is being cancelled by a callback',
    since: '6.12',
    backports: ['6.1'],
    evidence: 'mainline 6.10; present in 6.1.192',
  },
  timerDeferredFree: {
    what: 'a timer freed while a timer callback runs on the CPU is cancelled by a worker, not in place',
    since: '6.12',
    until: '7.2',
    backports: ['6.1'],
    evidence: 'mainline 6.10; present in 6.1.192',
  },
  timerLockFree: {
    what: 'timers have no lock but a reference count; freeing never waits; cancel needs interrupts on',
    since: '7.2',
    evidence: 'mainline 7.0',
  },
  timerHelperLock: {
    what: 'timer helpers take the lock of the timer; without it two CPUs may both initialise one timer',
    evidence: 'second version of the patch set that introduced timers',
  },
  timerSelfCheck: {
    what: 'cancelling or freeing a timer within its own callback does not wait for that callback',
    evidence: 'second version of the patch set that introduced timers',
  },
  timerUserCountTest: {
    what: 'timers cannot be initialised in a map that has no user reference',
    evidence: 'fourth version of the patch set that introduced timers; measured',
  },
  timerWaitOutsideLock: {
    what: 'cancel and free release the lock of the timer before they wait for a running callback',
    evidence: 'fifth version of the patch set that introduced timers',
  },
  timerHandlerNullTest: {
    what: 'an expiring timer whose callback was removed meanwhile calls nothing',
    evidence: 'fifth version of the patch set that introduced timers',
  },
  timerRcuFree: {
    what: 'the memory of a timer is freed after those who still read it have finished',
    since: '6.12',
    backports: ['6.1'],
    evidence: 'mainline 6.8; in the long-term releases of 2024',
  },
  timerStartReference: {
    what: 'a start without lock holds a reference on the timer until it has queued it',
    since: '7.2',
    evidence: 'mainline 7.0',
  },
  timerReleaseWalk: {
    what: 'the last user reference of a map frees every timer in it',
    evidence: 'second version of the patch set that introduced timers',
  },
  timerReleaseSpares: {
    what: 'the walk that frees the timers of a preallocated hash map covers the spare slot of every CPU',
    evidence: 'found while the fifth version of the patch set that introduced timers was tested',
  },
  timerFreedOnEviction: {
    what: 'an element that an LRU map evicts has its timer freed before the slot is used again',
    evidence: 'second version of the patch set that introduced timers',
  },
  timerProgramHeldByCallback: {
    what: 'set_callback takes the reference on the program and cancel or free drop it, not start and the end of a callback',
    evidence: 'third version of the patch set that introduced timers',
  },
  timerOwnedByMap: {
    what: 'timers belong to their map and go with its last user, not to the program that initialised them',
    evidence: 'third version of the patch set that introduced timers',
  },
  timerNmiRefused: {
    what: 'timer helpers refuse to run in NMI context',
    until: '7.2',
    evidence: 'in the patch set that introduced timers; lifted in mainline 7.0',
  },
  timerReleaseRcu: {
    what: 'the walk that frees the timers of a map protects the elements that it visits from being given back',
    evidence: 'fifth version of the patch set that introduced timers',
  },
  programPutDeferred: {
    what: 'the last reference on a program that is dropped with interrupts off is left to a worker',
    evidence: 'fifth version of the patch set that introduced timers',
  },
  timerLockCopy: {
    what: 'copies of a value that has a spin lock and a timer skip both, not the lock alone',
    since: '6.1',
    evidence: 'mainline 5.17',
  },
  timerFieldsZeroed: {
    what: 'the bytes of special fields in memory fresh from the allocator are zeroed',
    evidence: 'mainline 5.17; whether an older kernel leaves them depends on the compiler that built it',
  },
  timerReuseKeepsFields: {
    what: 'an element that is used again keeps the bytes of its special fields; only fresh memory is zeroed',
    evidence:
      'mainline 6.3 and 6.1.16; between 6.1 and that, reuse cleared locks that others held (CVE-2023-53790)',
  },
  hashElementReuse: {
    what: 'elements of hash maps without preallocation are freed and used again at once, not after a grace period',
    since: '6.1',
    evidence: 'mainline 6.1',
  },
  hashFreeAfterUnlock: {
    what: 'deleting an element of a hash map frees its timer after the lock of the bucket was released',
    since: '6.18',
    backports: ['6.1', '6.12'],
    evidence: 'mainline 6.13; present in 6.1.192 and 6.12.117',
  },
  lruFreeAfterUnlock: {
    what: 'evicting an element of an LRU map frees its timer after the lock of the bucket was released',
    since: '6.18',
    evidence: 'mainline 6.14; not in 6.12.117',
  },
  bucketLockTimesOut: {
    what: 'waiting for the lock of a bucket for too long ends with an error instead of never',
    since: '6.18',
    evidence: 'mainline 6.15',
  },
  timerPublishLoop: {
    what: 'without a lock, program and callback of a timer are written again until both read back as written',
    since: '7.2',
    evidence: 'mainline 7.0',
  },
  timerDeferIrqsOff: {
    what: 'with interrupts off, a timer is started and cancelled by an interrupt worker, not in place',
    since: '7.2',
    evidence: 'mainline 7.0',
  },
  timerFlagsBeforeNmi: {
    what: 'bpf_timer_init tests its flags before it refuses NMI context',
    since: '6.12',
    evidence: 'mainline 6.10',
  },
  hrtimerRearmInPlace: {
    what: 're-arming a queued timer to a time between its neighbours leaves it in place',
    since: '7.2',
    evidence: 'mainline 7.1',
  },
  timerFieldNested: {
    what: 'special fields are also found in nested structs and in arrays of one',
    since: '6.12',
    evidence: 'mainline 6.11; measured: 6.12 takes an array of one timer, 6.1 refuses it',
  },
  fieldWorkqueue: { what: 'struct bpf_wq in map values', since: '6.12', evidence: 'mainline 6.10' },
  fieldTaskWork: { what: 'struct bpf_task_work in map values', since: '6.18', evidence: 'mainline 6.18' },
  fieldResSpinLock: {
    what: 'struct bpf_res_spin_lock in map values',
    since: '6.18',
    evidence: 'mainline 6.15',
  },
  fieldKptr: { what: 'kernel pointers (__kptr) in map values', since: '6.1', evidence: 'mainline 5.19' },
  fieldKptrReferencedByDefault: {
    what: 'type tag kptr means a referenced pointer, kptr_untrusted an unreferenced one; before, kptr_ref and kptr',
    since: '6.6',
    evidence: 'mainline 6.4',
  },
  fieldKptrPercpu: { what: 'type tag percpu_kptr', since: '6.12', evidence: 'mainline 6.7' },
  kptrOtherTagsIgnored: {
    what: 'type tags of pointers that mean nothing to maps are passed over',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2 (rule book, kernelCalls61)',
  },
  fieldListHead: {
    what: 'struct bpf_list_head and bpf_rb_root in map values',
    since: '6.6',
    evidence: 'mainline 6.2, 6.3',
  },
  fieldRefcount: { what: 'struct bpf_refcount', since: '6.6', evidence: 'mainline 6.4' },
  boundsDeduceMixed: {
    what: '64-bit and 32-bit ranges of a value refine each other in every combination',
    since: '6.12',
    evidence: 'mainline 6.8; states in logs of 6.1 and 6.12 differ',
  },
  boundsDeduceAcrossSign: {
    what: 'a signed range that spans the sign is narrowed by an unsigned range touching one side',
    since: '6.12',
    evidence: 'mainline 6.17, in 6.12.117 by backport',
  },
  addSubBothWrap: {
    what: 'sums whose both ends wrap keep their range',
    since: '6.18',
    evidence: 'mainline 6.17',
  },
  mulWideRanges: {
    what: 'products get ranges from the ends unless these overflow',
    since: '6.18',
    evidence: 'mainline 6.14',
  },
  bitwiseSignFromUnsigned: {
    what: 'and/or/xor take their signed range from the unsigned one; or, xor, mul of unknown operands are computed',
    since: '6.12',
    evidence: 'mainline 6.10; states in logs of 6.1 and 6.12 differ',
  },
  forkOnSignMask: {
    what: 'and/or of a value that is 0 or -1 with a constant explores both values',
    since: '6.12',
    evidence: 'in 6.12.117 by backport',
  },
  linkedScalarDelta: {
    what: 'a copied scalar plus a constant stays linked to its origin',
    since: '6.12',
    evidence: 'mainline 6.10; ids in logs of 6.12 end in +delta',
  },
  linkNarrowMoves: {
    what: '32-bit and sign-extending moves of small values keep source and target linked',
    since: '6.6',
    evidence: 'mainline 6.3 and 6.6; measured on 6.12',
  },
  cpuV4: {
    what: 'sign-extending moves and loads, byte swap, signed division, long jumps',
    since: '6.6',
    evidence: 'mainline 6.6; refused as reserved fields by 6.1',
  },
  mayGoto: { what: 'may_goto', since: '6.12', evidence: 'mainline 6.9' },
  jumpRefineBoth: {
    what: 'a conditional jump refines both operands, range against range',
    since: '6.12',
    evidence: 'mainline 6.8',
  },
  historyOfStack: {
    what: 'precision follows values through stack accesses by any pointer, recorded per instruction',
    since: '6.12',
    evidence: 'mainline 6.8',
  },
  historyOfLinks: {
    what: 'precision follows linked scalars recorded at each conditional jump',
    since: '6.12',
    evidence: 'mainline 6.12',
  },
  staticLiveness: {
    what: 'liveness of registers and stack is computed before the walk',
    since: '6.18',
    evidence: 'no liveness marks in logs of 7.2',
  },
  negRange: {
    what: 'negation keeps the range',
    since: '6.18',
    evidence: 'mainline 6.17',
  },
  pointerTypesListed: {
    what: 'pointer arithmetic is allowed for listed types only',
    since: '6.12',
    evidence: 'in 6.12.117',
  },
  jumpLimitTooBig: {
    what: 'too many pending jumps end with E2BIG instead of EFAULT',
    since: '6.12',
    evidence: 'in 6.12.117 by backport',
  },
  mapHelperLong: {
    what: 'map helpers return 64-bit errors; before, R0 held the error as an unsigned 32-bit number',
    since: '6.6',
    evidence: 'mainline 6.4; measured on 6.1 and 6.12',
  },
  narrowFills: {
    what: 'narrow spills and fills of scalars keep their value; zero and unknown scalars are spilled, too',
    since: '6.12',
    evidence: 'mainline 6.8; states in logs of 6.1 and 6.12 differ',
  },
  zeroFillIsPrecise: {
    what: 'a register loaded from zero bytes of the stack is precise from the start',
    until: '6.6',
    evidence: 'states in logs of 6.1',
  },
  stackVarOffText: {
    what: 'the message about variable stack offsets names the fixed offset, too',
    since: '6.12',
    evidence: 'measured on 6.1 and 6.12',
  },
  timerInTracing: {
    what: 'tracing programs may use maps with timers',
    since: '7.2',
    evidence: 'mainline 7.0; measured on 6.12 (refused) and 7.2 (allowed)',
  },
  timerRefusedOnRt: {
    what: 'timers are refused on PREEMPT_RT kernels',
    since: '6.12',
    evidence: 'mainline 6.17, backported; not measured',
  },
  sleepableSpinLock: {
    what: 'sleepable programs may use maps with spin locks',
    since: '6.6',
    evidence: 'mainline 6.2',
  },
  sleepableMapsText: {
    what: 'wording of the refusal of maps in sleepable programs names local storage',
    since: '6.12',
    evidence: 'read in the message of 6.12.117',
  },
  ringbufMemName: {
    what: 'ring buffer memory is called ringbuf_mem, typed pointers may be trusted',
    since: '6.6',
    evidence: 'measured on 6.1 and 6.12',
  },
  helperMemFromCtx: {
    what: 'memory arguments of helpers may be the context',
    since: '6.18',
    evidence: 'measured on 6.12 (no) and 7.2 (listed)',
  },
  releaseOffsetKfuncText: {
    what: 'wording of the refusal of offsets in released pointers names kfuncs',
    since: '6.6',
    evidence: 'measured on 6.1 and 6.12',
  },
  nullArgumentPrecise: {
    what: 'a NULL argument becomes precise',
    since: '6.12',
    evidence: 'in 6.12.117',
  },
  zeroSizeText: {
    what: 'a size that may be zero has a message of its own',
    since: '6.12',
    evidence: 'mainline 6.8',
  },
  helperRefusedText: {
    what: 'helpers that a program type may not call have a message of their own',
    since: '6.12',
    evidence: 'measured on 6.1 and 6.12',
  },
  sleepableHelperText: {
    what: 'wording of the refusal of helpers that may sleep names the helper',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  asyncNeverSleeps: {
    what: 'timer callbacks of sleepable programs do not sleep',
    since: '6.18',
    evidence: 'mainline 6.18',
  },
  tailCallMapText: {
    what: 'bpf_tail_call with a wrong map has a message of its own',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  castsWalkedBothWays: {
    what: 'whether an owned socket is of the type that it is cast to is walked both ways at the call: not NULL, and NULL put aside',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2, fixtures `newestCalls`',
  },
  tailCallEndsFunction: {
    what: 'a tail call inside a function is walked both ways: the function returns a number, or goes on',
    since: '7.2',
    evidence: 'mainline 6.19; measured on 7.2, fixtures `newestCalls`',
  },
  tailCallChangesPacket: {
    what: 'bpf_tail_call invalidates packet pointers',
    since: '6.12',
    evidence: 'in 6.12.117',
  },
  cpuIdBounded: {
    what: 'bpf_get_smp_processor_id is bounded by the number of CPUs',
    since: '6.12',
    evidence: 'mainline 6.10',
  },
  callbacksIterated: {
    what: 'callbacks of bpf_loop and others are explored for any number of rounds',
    since: '6.12',
    evidence: 'mainline 6.7',
  },
  returnRangeSigned: {
    what: 'return values are compared as signed ranges, with messages that print them',
    since: '6.12',
    evidence: 'mainline 6.8; measured on 6.1 and 6.12',
  },
  syscallCtxAnyOffset: {
    what: 'syscall programs may use their context at any offset within bounds, aligned or not',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  attachmentCheckedLate: {
    what: 'whether a program may sleep, and what it attaches to, is judged after its instructions and its flow',
    since: '6.12',
    evidence: 'measured on 6.1 and 6.12',
  },
  arrayLookupNonNull: {
    what: 'array lookups with a constant key in range are never NULL',
    since: '6.18',
    evidence: 'mainline 6.15; measured on 7.2',
  },
  lruScaledFreeTarget: {
    what: 'an LRU map fetches and evicts in batches of half a CPU share of its size, not always up to 128',
    since: '6.12',
    evidence: '6.1.192 evicts up to 128 at a time; 6.12.117 and 7.2 scale with the size of the map',
  },
  backEdgesAllowed: {
    what: 'privileged programs may have any back-edge; recursion is found while walking',
    since: '6.12',
    evidence: 'message of 6.1 absent from 6.12',
  },
  longHistoryCheckpoint: {
    what: 'a path with more than 40 remembered instructions gets a checkpoint at the next prune point',
    since: '6.12',
    evidence: 'mainline 6.12; state counts of 6.12',
  },
  loopsCompareExactly: {
    what: 'an endless loop is one whose state repeats exactly; its states are printed',
    since: '6.12',
    evidence: 'mainline 6.8; "old state:" in logs of 6.12',
  },
  globalNamesInMessages: {
    what: 'messages about global functions name them; unused ones are not verified',
    since: '6.12',
    evidence: 'mainline 6.8; logs of 6.12',
  },
  dynptrsFollowObjects: {
    what: 'dynptrs of an object that is given away are gone with it',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  moreCallsUnderLock: {
    what: 'a lock may be held over loops by number, over arena pages, printing to streams and exchanges of kernel pointers',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  mayGotoNowhere: {
    what: 'may_goto to the next instruction',
    since: '7.2',
    evidence: 'measured on 6.12 (refused) and 7.2',
  },
  throwsLeaveProgram: {
    what: 'what a global function throws is held against what the program may return',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  globalVoid: {
    what: 'global functions may return void',
    since: '7.2',
    evidence: 'mainline 7.0',
  },
  pointersToAnythingAreNumbers: {
    what: 'an argument that points to no structure is a number, whatever it points to',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  nullIsNeverGiven: {
    what: 'NULL itself is no argument for a parameter that is tagged as not NULL, and the message names the register',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  filledStructsAreWritten: {
    what: 'a kernel structure that is lent to be filled is written, which most programs may not do',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  countedAtStart: {
    what: 'an object is counted once more by a pointer to its start alone',
    since: '7.2',
    evidence: 'measured on 7.2',
  },
  releaseKeepsOrder: {
    what: 'references that are held stay in the order in which they were acquired when one is released',
    since: '6.18',
    evidence: 'mainline 6.14; logs of 6.12 and 7.2',
  },
  logShowsFills: {
    what: 'log lines show the stack slot that an instruction read, not only those that it wrote',
    since: '6.12',
    evidence: 'logs of 6.1 and 6.12',
  },
  logShowsKfuncs: {
    what: 'log lines show what calls of kernel functions change',
    since: '6.12',
    evidence: 'logs of 6.1 and 6.12',
  },
  logJudgesMain: {
    what: "the log says why the main program's prototype is none of a global function",
    since: '6.12',
    evidence: 'logs of 6.1 and 6.12',
  },
  logNamesParents: {
    what: 'log states name what a pointer was derived from (parent_id) instead of its reference, and objects that are not owned',
    since: '7.2',
    evidence: 'logs of 6.12 and 7.2',
  },
  throwHelperUncounted: {
    what: 'the function that the kernel adds for what is thrown is not among those whose stack depth is told',
    since: '7.2',
    evidence: 'statistics of 6.12 and 7.2',
  },
  logShowsLinks: {
    what: 'log lines of a comparison show linked scalars that learned from it; entering and leaving loops is told',
    since: '7.2',
    evidence: 'logs of 6.12 and 7.2',
  },
  logNamesMaps: {
    what: 'log states leave out zero offsets, print large numbers in hex, name maps',
    since: '6.12',
    evidence: 'logs of 6.1 and 6.12',
  },
  logSourcePlace: {
    what: 'source lines in logs end with "@ file:line"',
    since: '6.12',
    evidence: 'logs of 6.1 and 6.12',
  },
  stackRoundedTo16: {
    what: 'frames are rounded to 16 bytes instead of 32',
    since: '6.12',
    evidence: 'measured on 6.1.192 and 6.12.117',
  },
  pointerOffsetFolded: {
    what: 'fixed and variable offsets of pointers are one number: in comparisons of states, packet accesses and messages',
    since: '7.2',
    evidence: 'fixtures `coverage`, measured on 6.12 and 7.2',
  },
  tnumConstText: {
    what: 'known bit patterns are printed as numbers',
    since: '6.12',
    evidence: 'measured on 6.1 and 6.12',
  },
  trustMismatchAllowed: {
    what: 'one load may see trusted and untrusted kernel pointers',
    since: '6.6',
    evidence: 'mainline 6.4',
  },
  ctxImmediateStores: {
    what: 'constants may be stored into the context',
    since: '6.6',
    evidence: 'mainline 6.3; message of 6.1 absent from 6.12',
  },
  packetEndForgotten: {
    what: 'a packet pointer found at or behind the end is an ordinary one again when it is moved',
    since: '7.2',
    evidence: 'fixtures `coverage`, 6.12 against 7.2',
  },
  nullCheckKeepsId: {
    what: 'pointers found not to be NULL keep the id of what they came from, which states compare',
    since: '7.2',
    evidence: 'logs of 7.2; fixtures `coverage`, 6.12 against 7.2',
  },
  mapValueWithoutId: {
    what: 'addresses of global data carry no id of their own',
    since: '6.6',
    evidence: 'mainline 6.2',
  },
  callsUnderLock: {
    what: 'static functions may be called with a lock held',
    since: '6.12',
    evidence: 'mainline 6.8',
  },
  loadAcquire: { what: 'load-acquire and store-release', since: '6.18', evidence: 'mainline 6.15' },
  xdpMetaUpTo252: {
    what: 'bpf_xdp_adjust_meta takes up to 252 bytes of meta data; before, 32',
    since: '6.6',
    evidence: 'mainline 6.5',
  },
  exitLeakText: {
    what: 'what is still held at an exit is named together with the instruction that leaves',
    since: '6.18',
    evidence: 'mainline 6.13; measured on 6.12 and 7.2',
  },
  stackHelperPlainText: {
    what: 'wording of helper accesses to the stack is that of loads and stores',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  dynptrSlotsTracked: {
    what: 'stores into the stack slots of a dynptr destroy it; slices are tied to their dynptr',
    since: '6.6',
    evidence: 'mainline 6.3; measured on 6.1 and 6.12',
  },
  dynptrCloneOverwritable: {
    what: 'a dynptr that holds a reference may be overwritten while a clone holds it, too',
    since: '7.2',
    evidence: 'mainline 7.2',
  },
  dynptrReleaseLate: {
    what: 'whether a dynptr may be given back is judged as for every other use of it',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  objectsNamedByRegister: {
    what: 'messages about dynptrs and iterators name the register, not the argument',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  rcuCallsChecked: {
    what: 'functions that need an RCU section are refused outside of one at the call',
    since: '6.18',
    evidence: 'measured on 6.12 and 7.2',
  },
  globalArgUntrusted: {
    what: 'declaration tag arg:untrusted on arguments of global functions',
    since: '6.18',
    evidence: 'mainline 6.17',
  },
  globalArgTags: {
    what: 'declaration tags on arguments of global functions (arg:ctx, arg:nonnull …)',
    since: '6.12',
    evidence: 'mainline 6.8',
  },
  csumDiffFolds: {
    what: 'bpf_csum_diff folds its result to 16 bits',
    since: '6.18',
    evidence: 'mainline 6.13; measured: 6.12 does not, 7.2 does',
  },
  timedMayGoto: {
    what: 'may_goto is limited by time and keeps two words on the stack',
    since: '6.18',
    evidence: 'stack depths of 6.12 and 7.2',
  },
  sockmapDeleteChecked: {
    what: 'bpf_map_delete_elem on socket maps is limited to some program types',
    since: '6.1',
    evidence: 'in 6.12.117',
  },
  kernelStructNeedsGpl: {
    what: 'typed kernel pointers may be followed by GPL-compatible programs only',
    since: '6.6',
    evidence: 'mainline 6.4; measured on 6.1 and 6.12',
  },
  callbackMapsTogether: {
    what: 'one instruction may call bpf_for_each_map_elem with different maps',
    since: '6.12',
    evidence: 'measured on 6.1 (refused) and 6.12',
  },
  syscallsAttachable: {
    what: 'system call entries may be attached to by sleeping and value-replacing programs',
    since: '7.2',
    evidence: 'measured on 6.12 (refused: no error injection) and 7.2',
  },
  uprobeWrites: {
    what: 'probes on user functions may change registers',
    since: '6.18',
    evidence: 'mainline 6.18; every size at many offsets measured on 7.2',
  },
  fixedNamespaceNumbers: {
    what: 'the first network namespace has a number of its own; before, the first one that was free',
    since: '6.18',
    evidence: 'measured 6.12 and 7.2; mainline 6.18',
  },
  connectionZones: {
    what: 'lookups of tracked connections may name a zone',
    since: '6.12',
    evidence: 'mainline 6.10',
  },
  arenaSmallestRange: {
    what: 'pages of an arena come from the smallest range of free ones that is large enough, not from the lowest',
    since: '6.18',
    evidence: 'mainline 6.13',
  },
  arenaVariablesLast: {
    what: 'loaders put the variables of an arena at its end, since instructions may name any offset',
    since: '7.2',
    evidence: 'measured: addresses of a list head in an arena, 6.12 and 7.2',
  },
  tailCallCountsEmptySlot: {
    what: 'a tail call to an empty slot of the program array counts against the limit of 33',
    until: '6.12',
    evidence: 'measured: 6.1 counts it, 6.12 and 7.2 do not',
  },
  helperReadsKeepStack: {
    what: 'what a helper only reads from the stack keeps its known value',
    since: '6.18',
    evidence: 'mainline 6.14; counts of 7.2',
  },
  divisionRanges: {
    what: 'quotients and remainders by a known number have ranges',
    since: '7.2',
    evidence: 'mainline 7.0; measured on 7.2',
  },
  byteSwapBits: {
    what: 'byte swaps keep what is known of the bits',
    since: '7.2',
    evidence: 'mainline 7.0; counts of 7.2',
  },
  manyMapsText: {
    what: 'a program with too many maps is refused with words',
    since: '6.12',
    evidence: 'measured on 6.1 and 6.12',
  },
  attachRefusedText: {
    what: 'a function that no tracing program may attach to is named in the refusal',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  noreturnChecked: {
    what: 'programs may not run after functions that never return',
    since: '6.12',
    evidence: 'measured on 6.1 and 6.12',
  },
  releaseHelperText: {
    what: 'a helper that is given what the program does not own is named in the refusal',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  globalFunctionsThatSleep: {
    what: 'global functions that may sleep are not called where the caller may not',
    since: '7.2',
    evidence: 'measured on 7.2',
  },
  arenaTypeTags: {
    what: 'functions may be given and may return pointers whose type is tagged as in an arena',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  fastCalls: {
    what: 'spills around helpers that are replaced by instructions are removed, and the frame is the smaller for it',
    since: '6.12',
    evidence: 'measured on 6.1, 6.12 and 7.2',
  },
  stackArguments: {
    what: 'functions may have more than five arguments, the rest on the stack',
    since: '7.2',
    evidence: 'measured on 7.2',
  },
  fieldsCheckedFirst: {
    what: 'unused fields and register numbers of all instructions are looked at before anything is walked',
    since: '7.2',
    evidence: 'measured on 7.2',
  },
  halfPointersMayBeZero: {
    what: 'whether half a pointer is zero is open; before, it counted as the whole',
    since: '6.12',
    evidence: 'measured on 6.1, 6.12, 7.2 (numbers of instructions)',
  },
  btfSectionNamesPrintable: {
    what: 'sections in BTF may have any printable name',
    since: '6.12',
    evidence: 'measured on 6.1, 6.12, 7.2',
  },
  btfTypeTagsAnywhere: {
    what: 'tags on types may stand behind other modifiers',
    since: '7.2',
    evidence: 'measured on 6.1, 6.12, 7.2',
  },
  indirectJumps: {
    what: 'jumps through tables of instructions (gotox)',
    since: '7.2',
    evidence: 'measured on 7.2',
  },
  recursionRefused: {
    what: 'recursive calls are refused before the walk; call chains may be longer than eight frames',
    since: '7.2',
    evidence: 'measured on 7.2',
  },
  privateStacks: {
    what: 'functions of tracing programs may have stacks of their own',
    since: '6.18',
    evidence: 'mainline 6.13',
  },
  circularRanges: {
    what: 'the range of a value is one arc on the circle of numbers, per width; signed and unsigned ranges are read from it',
    since: '7.2',
    evidence: 'types in the BTF of 7.2.13; verdicts and counts of generated programs on 7.2',
  },
  sameRegisterJumps: {
    what: 'a register compared with itself decides the jump',
    since: '7.2',
    evidence: 'mainline 6.19; counts of generated programs on 7.2',
  },
  signFillsUnlink: {
    what: 'a load that extends the sign of a spilled value is linked to it only if it cannot change the value',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  linkedScalarWidths: {
    what: 'sums and differences of 32 and of 64 bits with a constant of either sign stay linked to their origin',
    since: '7.2',
    evidence: 'mainline 7.0; counts of generated programs on 7.2',
  },
  constantBranchesFolded: {
    what: 'jumps on values that are constant on every path become plain jumps before the walk',
    since: '7.2',
    evidence: 'logs of generated programs on 7.2',
  },
  singularIdsCleared: {
    what: 'a checkpoint forgets the id of a scalar that no other register shares',
    since: '7.2',
    evidence: 'mainline 7.0; counts of generated programs on 7.2',
  },
  fillsLink: {
    what: 'a scalar filled whole from the stack is linked to its slot',
    since: '7.2',
    evidence: 'logs of generated programs on 7.2',
  },
  halfSlotLiveness: {
    what: 'liveness of the stack is tracked in halves of slots, before the walk, through pointers passed to functions',
    since: '7.2',
    evidence: 'logs of generated programs on 7.2',
  },
  deadBranchBySimulation: {
    what: 'a branch whose assumption empties a range is dead',
    since: '7.2',
    evidence: 'mainline 7.0; verdicts of generated programs on 7.2',
  },
  trustedPointers: {
    what: 'typed kernel pointers are known to be trusted, RCU-protected or untrusted',
    since: '6.6',
    evidence: 'mainline 6.2 to 6.4; measured on 6.1 and 6.12',
  },
  tracepointArgsMayBeNull: {
    what: 'some arguments of raw tracepoints may be NULL or an error number',
    since: '6.12',
    evidence: 'mainline 6.13; present in 6.12.117',
  },
  hookReturnRanges: {
    what: 'security programs must return what their hook may return',
    since: '6.12',
    evidence: 'mainline 6.12; measured on 6.1 (any value) and 6.12',
  },
  operationsReturnObjects: {
    what: 'members of operation tables get and return objects with a reference',
    since: '6.18',
    evidence: 'mainline 6.15; measured on 7.2, fixtures `operations`',
  },
  untrustedMemory: {
    what: 'pointers to plain data found behind untrusted pointers may be read through',
    since: '6.18',
    evidence: 'mainline 6.17; not modelled',
  },
  treeTakesCountedNodes: {
    what: 'trees can be walked from the root, and owned references to counted nodes may be given to remove them',
    since: '6.18',
    evidence: 'corpus, 6.12 against 7.2; mainline 6.16',
  },
  exceptions: {
    what: 'bpf_throw and exception callbacks',
    since: '6.12',
    evidence: 'mainline 6.7',
  },
  kptrLoadsUnderRcu: {
    what: 'kernel pointers loaded from maps within an RCU section may be used; the program owns structs of its own',
    since: '6.6',
    evidence: 'recorded answers of 6.1 and 6.12; mainline 6.4',
  },
  kptrsInObjects: {
    what: 'bpf_kptr_xchg into objects that the program allocated',
    since: '6.12',
    evidence: 'mainline 6.12',
  },
  kptrHoldersNotOwned: {
    what: 'bpf_kptr_xchg into objects that the program does not own, too, as its message says',
    since: '7.2',
    evidence: 'messages measured on 6.12 and 7.2',
  },
  negativeKfuncText: {
    what: 'a negative number of a kernel function is refused as such',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  globalThrowsChecked: {
    what: 'what a caller holds is checked where it calls a global function that may throw',
    since: '6.18',
    evidence: 'fixtures `objects`: measured on 6.12 and 7.2',
  },
  dropsCheckedForNmi: {
    what: 'tracing programs may not drop objects that own other objects',
    since: '7.2',
    evidence: 'fixtures `objects`: measured on 6.12 and 7.2',
  },
  kfuncArgumentKinds: {
    what: 'what an argument of a kernel function must be is decided by its parameter alone: type, suffix of the name, function',
    since: '6.6',
    evidence: 'mainline 6.2; measured on 6.1 (by what the register is) and 6.12',
  },
  kfuncNumbersChecked: {
    what: 'numbers of kernel functions below zero are refused as such, zero too where a module is named',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  typedMemoryArguments: {
    what: 'typed pointers are taken for memory where memory is wanted, as far as their struct can be read',
    since: '6.6',
    evidence: 'measured on 6.1 (refused) and 6.12',
  },
  ctxFixedOffsets: {
    what: 'a context that no access to is translated may be used through a pointer moved by a constant',
    since: '7.2',
    evidence: 'measured on 6.12 (refused) and 7.2',
  },
  kfuncResultsTrusted: {
    what: 'typed pointers that kernel functions return are trusted',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  functionAddresses: {
    what: 'a program may ask for the address of a kernel function, to learn whether there is one',
    since: '6.6',
    evidence: 'mainline 6.4; measured on 6.1 (refused) and 6.12',
  },
  mapFieldRules: {
    what: 'maps are refused whose kernel pointers cannot be given back, or that cannot hold lists',
    since: '6.6',
    evidence: 'measured on 6.1 and 6.12',
  },
  workFieldLikeTimer: {
    what: 'work in map values is looked for with the checks of timers, and named as they are',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  arenaSignedLoads: {
    what: 'loads from an arena may extend the sign',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  kfuncsTrustByDefault: {
    what: 'kernel functions want trusted pointers unless they say otherwise; messages name the register',
    since: '7.2',
    evidence: 'mainline 7.0; measured on 7.2',
  },
  roomDecapFlags: {
    what: 'bpf_skb_adjust_room takes flags for the header that stays when an outer one is taken off',
    since: '6.6',
    evidence: 'mainline 6.3; measured on 6.1 (refused) and 6.12',
  },
  skbClocks: {
    what: 'bpf_skb_set_tstamp knows the real-time and the TAI clock',
    since: '6.12',
    evidence: 'mainline 6.11; measured on 6.1 (refused) and 6.12',
  },
  vlanTagClears: {
    what: 'taking a VLAN tag off clears its number and protocol, too',
    since: '6.6',
    evidence: 'mainline 6.2; measured on 6.1 (they stay) and 6.12',
  },
  fibLookupMark: {
    what: 'bpf_fib_lookup takes BPF_FIB_LOOKUP_MARK',
    since: '6.12',
    evidence: 'mainline 6.10; measured on 6.1 (refused) and 6.12',
  },
  csumDiffAnySize: {
    what: 'bpf_csum_diff takes sizes that are no multiples of four, and any sum of them',
    since: '6.18',
    evidence: 'measured: 6.12 refuses, 7.2 takes them',
  },
  testRunLargePackets: {
    what: 'test runs of packets of the stack take more than fits into a page',
    since: '7.2',
    evidence: 'measured: 6.12 refuses 3713 bytes, 7.2 takes them',
  },
  cpumapErrors: {
    what: 'a CPU map whose value names a bad program says so; before, the error was ENOMEM',
    since: '7.2',
    evidence: 'measured on 6.12 (ENOMEM) and 7.2 (EBADF)',
  },
  mapKeepsObjects: {
    what: 'objects held by a map value stay with it when it is overwritten or deleted, until the map frees the element',
    since: '7.2',
    evidence: 'measured: 6.12 lets them go at once, 7.2 finds them again when the element is used again',
  },
  dynptrWriteMoves: {
    what: 'bpf_dynptr_write and _read copy overlapping bytes as if through a buffer; before, from the front',
    since: '6.6',
    evidence: 'mainline 6.4; measured on 6.1 and 6.12',
  },
  perCpuMapsOneCpu: {
    what: "user space can write one CPU's value of a per-CPU map (BPF_F_CPU), or one value for all (BPF_F_ALL_CPUS)",
    since: '7.2',
    evidence: 'measured: 6.1 and 6.12 refuse the flags, 7.2 takes them',
  },
  testFunctionsReplaceable: {
    what: "the kernel's test functions may be replaced or slept in without error injection",
    since: '6.6',
    evidence: 'mainline 6.3; measured on 6.1 (refused) and 6.12',
  },
  setRetvalRange: {
    what: 'bpf_set_retval takes 0 or a negative error number only',
    since: '7.2',
    evidence: 'measured on 6.12 (any value) and 7.2',
  },
  translationBugText: {
    what: 'loads that the kernel allows but cannot translate are called a bug of the verifier',
    since: '6.18',
    evidence: 'measured on 6.12 and 7.2',
  },
  functionRecordsEarly: {
    what: 'records of functions are looked at before functions are searched, and counted afterwards',
    since: '6.12',
    evidence: 'mainline 6.8; measured on 6.1 and 6.12',
  },
  sleepableProgramsText: {
    what: 'wording of the refusal to let a program sleep lists operation tables and iterators',
    since: '6.6',
    until: '7.2',
    evidence: 'measured on 6.1, 6.12 and 7.2',
  },
  sleepableProgramsShortText: {
    what: 'the refusal to let a program sleep lists no program types',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  sleepInTracepoints: {
    what: 'programs may sleep in tracepoints, typed ones where the kernel may: in those of system calls',
    since: '7.2',
    evidence: 'measured on 6.12 and 7.2',
  },
  tracedHookReturns: {
    what: 'tracing programs that attach in the way of security hooks have a range of return values',
    since: '7.2',
    evidence: 'measured on 6.1, 6.12 (refused without words) and 7.2',
  },
  structOpsSleep: {
    what: 'programs that implement operation tables may sleep, and have trusted arguments, some of which may be NULL',
    since: '6.12',
    evidence: 'measured on 6.1 and 6.12',
  },
  structOpsLinks: {
    what: 'operation tables may be attached by links (.struct_ops.link)',
    since: '6.6',
    evidence: 'measured on 6.1 (map refused) and 6.12',
  },
  structWriteText: {
    what: 'stores into kernel structs that an operation table does not allow have a message of their own',
    since: '6.18',
    evidence: 'measured on 7.2',
  },
  moreClosedHooks: {
    what: 'hooks that allocate security blobs are closed to programs',
    since: '6.18',
    evidence: 'measured on 7.2',
  },
  testFunctionsManyArguments: {
    what: 'a test run of a program that changes results calls a second function, with seven arguments',
    since: '6.6',
    evidence: 'mainline 6.6; measured 6.1 has one, 6.12 two',
  },
  cloneRefusesUntypedSegments: {
    what: 'bpf_clone_redirect refuses packets of segments without a type, which only test runs make',
    since: '6.12',
    backports: ['6.1'],
    evidence: 'measured on 6.1.192, 6.12 and 7.2',
  },
  probesOfPatterns: {
    what: 'probes can be attached to all functions that match a pattern',
    since: '6.6',
    evidence: 'measured on 6.1 (the distribution left it out) and 6.12',
  },
  testFunctionNine: {
    what: 'a test run of a tracing program calls a ninth function',
    since: '6.12',
    evidence: 'BTF of 6.1 and 6.12',
  },
  testFunctionTen: {
    what: 'a test run of a tracing program calls a tenth function',
    since: '6.18',
    evidence: 'mainline 6.17; BTF of 6.12 and 7.2',
  },
} as const satisfies Record<string, FeatureRow>;

export type FeatureName = keyof typeof FEATURES;
