/** The values of `index.ts` for development and Node: they say what is wrong, and what to do. Types are those of `index.ts`. */

export { createLiveSession, followAddress, followHandOffs, keepTab, onFlash } from './development/live-session.js'
export { LiveSessionError } from './error.js'
