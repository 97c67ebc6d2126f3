// Performs the actions of the inspector's buttons.

import { LiveSessionError } from '../../../shared/errors.js'
import type { FeatureParts } from '../../parts.js'
import { isUser, type Subject } from '../../subjects/subject.js'

/**
 * Performs an action, and returns a description of the effect for the page.
 *
 * @param name the subject's name for use in a sentence
 * @throws {LiveSessionError} `malformed` for an impossible action
 */
export async function act(
  parts: FeatureParts,
  action: unknown,
  target: { readonly subject: Subject; readonly name: string } | undefined,
): Promise<string> {
  if (action === 'restart') {
    restart(parts)
    return 'As after a restart: all connections are closed, and memory is empty.'
  }
  if (action !== 'empty' && action !== 'revoke')
    throw new LiveSessionError('malformed', 'action: expected empty, revoke or restart')
  if (!target) throw new LiveSessionError('malformed', 'this subject is no longer in memory')
  const { subject, name } = target
  if (action === 'empty') {
    forget(parts, subject)
    return `Emptied the cache entry of ${name}.`
  }
  if (!isUser(subject)) throw new LiveSessionError('malformed', 'a guest cannot be signed out')
  await parts.endings.revoke(subject)
  return `Ended all sockets, live cookies and tickets of ${name}. Sessions that the app keeps elsewhere go on.`
}

/**
 * Evicts all values from memory, and makes all browsers reconnect, as a restart would. Keeps revocations, and pending writes to the store.
 */
export function restart({ connections, memory }: FeatureParts): void {
  void connections.close(connections.all(), 'closed')
  memory.clear()
}

/** Evicts a single subject, and makes its browsers reconnect. */
function forget({ connections, memory }: FeatureParts, subject: Subject): void {
  void connections.close(connections.of(subject), 'closed')
  memory.evict(subject)
}
