/** The exports of `index.ts` for development and Node, with full error messages and warnings. The types are those of `index.ts`. */

export { createLiveSession, followAddress, followHandOffs, keepTab, onFlash } from './development/live-session.js'
export { LiveSessionError } from './error.js'
