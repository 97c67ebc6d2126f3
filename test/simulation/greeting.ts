import type { AnySnapshot } from '../../shared/protocol.js'
import { HIDDEN } from './builds.js'
import { type Registers, readClaims } from './registers.js'
import type { Whose } from './whos.js'

/** What is wrong with a greeting: a ticket of each subject of the visitor, and it says whose each is. */
export function greetingFault(tickets: readonly string[], { user, browser }: Whose): string | undefined {
  if (tickets.length !== (user === undefined ? 1 : 2)) return `is greeted by ${tickets.length} tickets`
  for (const [index, ticket] of tickets.entries()) {
    const { sub, defaults, guest } = readClaims(ticket)
    if (!defaults || HIDDEN in defaults) return 'has a greeting with the wrong defaults'
    const expected = user !== undefined && index === 0 ? user : browser
    if (expected !== undefined && sub !== expected) return `is greeted as ${sub}, whom it is not`
    if ((guest === true) !== (user === undefined)) return `is told that it is a guest’s: ${guest}`
  }
  return undefined
}

/** What is wrong with a page's beginning: it says whose it is, and what of it the browser has shown that it keeps. */
export function snapshotFault(
  { guest, held }: AnySnapshot,
  user: string | undefined,
  kept: Registers | undefined,
): string | undefined {
  if ((guest === true) !== (user === undefined)) return `shows a page of a guest: ${guest}`
  if ((held === undefined) !== (kept === undefined)) return `shows that the browser keeps ${JSON.stringify(held)}`
  const wrong = held?.find(([key, stamp]) => kept?.get(key)?.stamp !== stamp)
  return wrong && `shows that its cookie held ${wrong.join(' at ')}`
}
