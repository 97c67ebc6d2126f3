// The exports of `client/index.ts` for development and Node: the same types, with full error messages and warnings.

export { LiveSessionError } from '../error.js'
export { createLiveSession, followAddress, followHandOffs, keepTab, onFlash, onSessionEnd } from './checked-client.js'
