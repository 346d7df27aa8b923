/** The custom requests of `runtime/protocol/debugMessages.ts`; answered while running too, with the state as of then. */
import type { MapEntriesArguments } from '../../runtime/protocol/debugMessages';
import { launched, type SessionState } from '../state';
import { UserError } from '../userError';

const COUNT_MAX = 1000;

export const views = {
  bpfTimers: (state: SessionState) => state.toProto.timers(launched(state).debug),
  bpfMaps: (state: SessionState) => state.toProto.maps(launched(state).debug),
  bpfMapEntries(state: SessionState, args: MapEntriesArguments) {
    const wanted = [args.mapId, args.start, args.count];
    if (wanted.some((n) => !Number.isInteger(n) || n < 0))
      throw new UserError('bpfMapEntries needs whole numbers mapId, start and count.');
    const answer = state.toProto.mapEntries(
      launched(state).debug,
      args.mapId,
      args.start,
      Math.min(args.count, COUNT_MAX),
    );
    if (!answer) throw new UserError(`There is no map with id ${args.mapId}.`);
    return answer;
  },
};
