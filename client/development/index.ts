// The exports of `client/index.ts` for development and Node: the same types, with full error messages and warnings.

export { PageError as LiveSessionError } from '../../shared/page-error.js'
export { createLiveSession, followAddress, followHandOffs, keepTab, onFlash, onSessionEnd } from './checked-client.js'
