/**
 * Local storage helpers. There is one owner, the current task; pointers to tasks are NULL in the model, so every task
 * pointer means it. Sockets, inodes and cgroups do not exist: their helpers answer as to a NULL owner.
 */
import { ERRNO } from '../spec/errno';
import { storageOfRun } from '../maps/cgroupStorage';
import type { CgroupStorageData, StorageData } from '../maps/mapData';
import type { MapRecord } from '../maps/mapFamily';
import { addStored, removeStored, storedValue } from '../maps/localStorage';
import { memoryAddress } from '../vm/addresses';
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

function taskStorageGet(call: HelperCall): HelperResult {
  const map = storageArg(call);
  const [, , initial, flags] = call.args;
  if ((flags & ~CREATE) !== 0n) return value(0);
  const owner = call.kernel.state.current.pid;
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
  bpf_task_storage_get: taskStorageGet,
  bpf_task_storage_delete: (call) => value(removeStored(storageArg(call), call.kernel.state.current.pid)),
  bpf_sk_storage_get: nobody,
  bpf_sk_storage_delete: nobodys,
  bpf_inode_storage_get: nobody,
  bpf_inode_storage_delete: nobodys,
  bpf_cgrp_storage_get: nobody,
  bpf_cgrp_storage_delete: nobodys,
} satisfies Record<string, HelperHandler>;
