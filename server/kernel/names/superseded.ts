import { LiveSessionError } from '../../../shared/errors.js'

/**
 * Refuses what is set under a browser id that was given up meanwhile: it may have been planted, and cannot be told from an honest
 * one. Nothing of it shall reach who has come after.
 */
export function superseded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the visitor has left this browser meanwhile')
}
