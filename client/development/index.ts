/** The exports of `client/index.ts` for development and Node, with full error messages and warnings. The types are those of `client/index.ts`. */

export { LiveSessionError } from '../error.js'
export { createLiveSession, followAddress, followHandOffs, keepTab, onFlash } from './checked-client.js'
