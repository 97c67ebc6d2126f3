import { LiveSessionError } from '../../../shared/errors.js'

export function refused(act: () => unknown): LiveSessionError {
  try {
    act()
  } catch (error) {
    if (error instanceof LiveSessionError) return error
  }
  throw new Error('not refused')
}
