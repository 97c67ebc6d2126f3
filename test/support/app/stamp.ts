import { isStamp, type Stamp } from '../../../shared/stamp.js'

export function stamp(at: number): Stamp {
  if (!isStamp(at)) throw new TypeError(`${at} cannot be a stamp`)
  return at
}
