/** Sections that kernel functions open and close: RCU, preemption. */
import { inTreeCallback } from './kfuncGraph';
import { hasFeature, type VerifierEnv } from './env';
import { forEachReg } from './everyRegister';
import { EACCES, EINVAL } from './outcome';
import { changed, MAYBE_NULL, MEM_RCU, PTR_UNTRUSTED } from './regState';
import { type KfuncCall, refuseUse } from './kfuncModel';
import { endRcuOfIterators } from './stackObjects';
// ── effects ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function changeSections(env: VerifierEnv, call: KfuncCall, sleepable: boolean): void {
  const { name } = call.row;
  const { cur } = env;
  const refuseSection = (message: string, errno = EINVAL): never =>
    refuseUse(env, message, errno, 'kfunc-section');
  if (cur.activeRcuLock) {
    if ((name === 'bpf_rcu_read_lock' || name === 'bpf_rcu_read_unlock') && inTreeCallback(env))
      refuseSection('Calling bpf_rcu_read_{lock,unlock} in unnecessary rbtree callback', EACCES);
    if (name === 'bpf_rcu_read_lock') {
      if (hasFeature(env, 'kfuncsTrustByDefault')) cur.outerRcuLocks++;
      else refuseSection(`nested rcu read lock (kernel function ${name})`);
    }
    if (name === 'bpf_rcu_read_unlock' && cur.outerRcuLocks > 0) cur.outerRcuLocks--;
    else if (name === 'bpf_rcu_read_unlock') {
      forEachReg(env, cur, (reg) =>
        (reg.flags & MEM_RCU) === 0
          ? reg
          : changed(reg, { flags: (reg.flags & ~(MEM_RCU | MAYBE_NULL)) | PTR_UNTRUSTED }),
      );
      endRcuOfIterators(cur);
      cur.activeRcuLock = false;
    } else if (sleepable)
      refuseSection(`kernel func ${name} is sleepable within rcu_read_lock region`, EACCES);
  } else if (name === 'bpf_rcu_read_lock') {
    cur.activeRcuLock = true;
  } else if (name === 'bpf_rcu_read_unlock') {
    refuseSection(`unmatched rcu read unlock (kernel function ${name})`);
  }
  if (name === 'bpf_preempt_disable') cur.activePreemptLocks++;
  else if (name === 'bpf_preempt_enable') {
    if (cur.activePreemptLocks === 0) {
      refuseSection(`unmatched attempt to enable preemption (kernel function ${name})`);
    }
    cur.activePreemptLocks--;
  } else if (cur.activePreemptLocks > 0 && sleepable) {
    refuseSection(`kernel func ${name} is sleepable within non-preemptible region`, EACCES);
  }
  if (cur.savedInterrupts.length > 0 && sleepable)
    refuseSection(`kernel func ${name} is sleepable within IRQ-disabled region`, EACCES);
}
