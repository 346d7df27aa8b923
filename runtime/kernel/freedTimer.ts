/** What happens where a fix is missing: an operation goes on with a timer object that another one freed. */
import { InternalError } from '../util/assert';

/** A step needs a timer object that is gone: where a fix is missing, it was freed under the feet of whoever steps. */
export class FreedTimer extends InternalError {
  override name = 'FreedTimer';
  constructor(id: number) {
    super(`no timer ${id}`);
  }
}
