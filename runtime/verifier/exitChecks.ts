/** What must not be held when a function returns, or when a packet load may leave it: locks and references. */
import { curFrame, reject, type VerifierEnv } from './env';
import type { FuncFrame } from './frame';
import { EINVAL } from './outcome';

/** What the newest kernel calls each way out. */
const LEAVING = {
  exit: 'BPF_EXIT instruction in main prog',
  throw: 'bpf_throw',
  packetLoad: 'BPF_LD_[ABS|IND]',
  tailCall: 'tail_call',
} as const;

/** The finding when something is held: what the program should do differently depends on how it leaves. */
function heldCode(at: keyof typeof LEAVING, held: string): string {
  if (at === 'throw') return 'throw-in-region';
  if (at === 'packetLoad') return 'packet-load';
  return at === 'tailCall' && held === 'lock-not-released' ? 'tail-call-under-lock' : held;
}

/**
 * `exit`: the frame returns. `throw`: all frames are left at once. `packetLoad`: LD_ABS or LD_IND, which may end the program.
 * `tailCall`: what is held would stay held in the next program.
 */
export function endsLocked(env: VerifierEnv, at: keyof typeof LEAVING): void {
  const { cur } = env;
  const inner = cur.frames.length > 1;
  const lifetime = (code: string, message: string, after?: string): never =>
    reject(env, { code, category: 'Resource Lifetime Safety', errno: EINVAL, message, after });
  if (env.features.exitLeakText) {
    const leaving = LEAVING[at];
    const everything = !inner || at !== 'exit';
    if (everything && cur.activeLock !== null) {
      lifetime(heldCode(at, 'lock-not-released'), `${leaving} cannot be used inside bpf_spin_lock-ed region`);
    }
    checkReferenceLeak(env, at === 'throw', `${leaving} would lead to reference leak`);
    if (!everything) return;
    if (cur.savedInterrupts.length > 0) {
      lifetime(
        at === 'throw' ? 'throw-in-region' : 'interrupts-not-restored',
        `${leaving} cannot be used inside bpf_local_irq_save-ed region`,
      );
    }
    if (cur.activeRcuLock) {
      lifetime(
        heldCode(at, 'rcu-not-released'),
        `${leaving} cannot be used inside bpf_rcu_read_lock-ed region`,
      );
    }
    if (cur.activePreemptLocks > 0) {
      lifetime(
        heldCode(at, 'preempt-not-enabled'),
        `${leaving} cannot be used inside bpf_preempt_disable-ed region`,
      );
    }
    return;
  }
  // Newer kernels let an inner function return with the lock held.
  const free = inner && env.features.callsUnderLock && at === 'exit';
  if (at === 'throw') {
    const region =
      cur.activeLock !== null
        ? 'bpf_spin_lock'
        : cur.activeRcuLock
          ? 'bpf_rcu_read_lock'
          : cur.activePreemptLocks > 0
            ? 'bpf_preempt_disable'
            : '';
    if (region !== '') lifetime('throw-in-region', `bpf_throw cannot be used inside ${region}-ed region`);
    checkReferenceLeak(env, true);
    return;
  }
  if (at === 'exit') {
    if (cur.activeLock !== null && !free) lifetime('lock-not-released', 'bpf_spin_unlock is missing');
    if (cur.activeRcuLock && !free) lifetime('rcu-not-released', 'bpf_rcu_read_unlock is missing');
    if (cur.activePreemptLocks > 0 && !free) {
      const n = cur.activePreemptLocks;
      lifetime('preempt-not-enabled', `${n} bpf_preempt_enable${n === 1 ? ' is' : '(s) are'} missing`);
    }
    checkReferenceLeak(env, false);
    return;
  }
  const tailCall = at === 'tailCall';
  const refuseLocked = (): void => {
    if (cur.activeLock === null) return;
    lifetime(
      tailCall ? 'tail-call-under-lock' : 'packet-load',
      `${LEAVING[at]} cannot be used inside bpf_spin_lock-ed region`,
    );
  };
  if (tailCall) refuseLocked();
  checkReferenceLeak(
    env,
    false,
    tailCall
      ? 'tail_call would lead to reference leak'
      : 'BPF_LD_[ABS|IND] cannot be mixed with socket references',
  );
  refuseLocked();
  if (cur.activeRcuLock) {
    lifetime(
      heldCode(at, 'rcu-not-released'),
      `${LEAVING[at]} cannot be used inside bpf_rcu_read_lock-ed region`,
    );
  }
  if (cur.activePreemptLocks > 0) {
    lifetime(
      heldCode(at, 'preempt-not-enabled'),
      `${LEAVING[at]} cannot be used inside bpf_preempt_disable-ed region`,
    );
  }
}

/** The reference that a member of an operation table gives to the kernel by returning it; 0 for none. */
const returnedReference = (env: VerifierEnv, frame: FuncFrame): number =>
  env.program.type === 'BPF_PROG_TYPE_STRUCT_OPS' && env.features.operationsReturnObjects
    ? frame.regs[0].refObjId
    : 0;

/** References acquired and not released. */
function checkReferenceLeak(env: VerifierEnv, throwing: boolean, message?: string): void {
  const frame = curFrame(env);
  if (!throwing && frame.frameNo > 0 && !frame.inCallback) return;
  const handedOver = throwing ? 0 : returnedReference(env, frame);
  const left = frame.refs.filter(
    (ref) =>
      (throwing || !frame.inCallback || ref.callbackRef === frame.frameNo) &&
      (handedOver === 0 || ref.id !== handedOver),
  );
  if (left.length === 0) return;
  const lines = left.map((ref) => `Unreleased reference id=${ref.id} alloc_insn=${ref.insnIdx}`);
  // Each is a line of the log; the last line is the message.
  for (const line of lines.slice(0, -1)) env.log.message(line);
  if (message !== undefined) env.log.message(lines[lines.length - 1]);
  reject(env, {
    code: 'reference-leak',
    category: 'Resource Lifetime Safety',
    errno: EINVAL,
    message: message ?? lines[lines.length - 1],
    facts: { allocInsn: left[left.length - 1].insnIdx },
  });
}
