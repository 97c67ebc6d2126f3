import { LiveSessionError } from '../../../shared/errors.js'

/** Returns the error with which something is refused. */
export function refused(act: () => unknown): LiveSessionError {
  try {
    act()
  } catch (error) {
    if (error instanceof LiveSessionError) return error
  }
  throw new Error('not refused')
}
