/**
 * Local storage helpers. There is one task, the current one; pointers to tasks are NULL in the model, so every task
 * pointer means it. The only socket is that of a test run's packet. Inodes and cgroups do not exist: their helpers
 * answer as to a NULL owner.
 */
import { ERRNO } from '../spec/errno';
import { storageOfRun } from '../maps/cgroupStorage';
import type { CgroupStorageData, StorageData } from '../maps/mapData';
import type { MapRecord } from '../maps/mapFamily';
import { addStored, removeStored, storedValue } from '../maps/localStorage';
import { memoryAddress, offsetOf } from '../vm/addresses';
import {
  HelperFault,
  mapArg,
  memoryArg,
  value,
  type HelperCall,
  type HelperHandler,
  type HelperResult,
} from './protocol';

const CREATE = 1n;

function storageArg(call: HelperCall): MapRecord<StorageData> {
  const map = mapArg(call, 0);
  if (map.data.kind !== 'storage')
    throw new HelperFault(`${call.name}: map ${map.definition.name} is no local storage`);
  return map as MapRecord<StorageData>;
}

/** @param owner number of the task, or linear offset of the socket */
function storageGet(call: HelperCall, owner: number): HelperResult {
  const map = storageArg(call);
  const [, , initial, flags] = call.args;
  if ((flags & ~CREATE) !== 0n) return value(0);
  const found = storedValue(map, owner);
  if (found !== 0) return value(memoryAddress(found));
  if ((flags & CREATE) === 0n) return value(0);
  const from = initial === 0n ? 0 : memoryArg(call, 2, map.definition.valueSizeBytes);
  return value(memoryAddress(addStored(call.kernel, map, owner, from)));
}

function ofRun(call: HelperCall): HelperResult {
  const map = mapArg(call, 0);
  if (map.data.kind !== 'cgroupStorage')
    throw new HelperFault(`${call.name}: map ${map.definition.name} is no storage of cgroups`);
  return value(memoryAddress(storageOfRun(call.kernel, map as MapRecord<CgroupStorageData>)));
}

const nobody: HelperHandler = (call) => {
  storageArg(call);
  return value(0);
};
const nobodys: HelperHandler = (call) => {
  storageArg(call);
  return value(-ERRNO.EINVAL);
};

export const storageHelpers = {
  bpf_get_local_storage: ofRun,
  bpf_task_storage_get: (call) => storageGet(call, call.kernel.state.current.pid),
  bpf_task_storage_delete: (call) => value(removeStored(storageArg(call), call.kernel.state.current.pid)),
  bpf_sk_storage_get: (call) => (call.args[1] === 0n ? value(0) : storageGet(call, offsetOf(call.args[1]))),
  bpf_sk_storage_delete: (call) =>
    value(call.args[1] === 0n ? -ERRNO.EINVAL : removeStored(storageArg(call), offsetOf(call.args[1]))),
  bpf_inode_storage_get: nobody,
  bpf_inode_storage_delete: nobodys,
  bpf_cgrp_storage_get: nobody,
  bpf_cgrp_storage_delete: nobodys,
} satisfies Record<string, HelperHandler>;
