import { isStamp, type Stamp } from '../../../shared/stamp.js'

/** Returns a stamp that the test can name. */
export function stamp(at: number): Stamp {
  if (!isStamp(at)) throw new TypeError(`${at} cannot be a stamp`)
  return at
}
