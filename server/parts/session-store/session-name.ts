import { createHash } from 'node:crypto'
import type { PartName } from '../../kernel/names/subject.js'

declare const KIND: unique symbol
/** By which processes and stores know an app's session: a hash of its id, which does not lead back to the id. */
export type SessionName = PartName & { readonly [KIND]: 'session' }

const NAME = /^session:[\w-]{43}$/

/** @param id what the browser's cookie has: with it comes the session, so it is a secret, and is kept nowhere here */
export function sessionName(id: string): SessionName {
  return `session:${createHash('sha256').update(`session:${id}`).digest('base64url')}` as SessionName
}

export function isSessionName(name: string): name is SessionName {
  return NAME.test(name)
}
