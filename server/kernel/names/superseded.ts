import { LiveSessionError } from '../../../shared/errors.js'

/**
 * Returns the refusal of a change under a browser id that was given up meanwhile: the id may have been planted, and cannot be told from an
 * honest one. Nothing set under it may reach the next visitor.
 */
export function superseded(): LiveSessionError {
  return new LiveSessionError('superseded', 'the visitor has left this browser meanwhile')
}
