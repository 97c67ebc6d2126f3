import { LiveSessionError } from '../../../shared/errors.js'
import type { Connections } from '../../kernel/connections/connections.js'
import type { Subjects } from '../../kernel/memory/subjects.js'
import { isUser, type Subject, type UserSubject } from '../../kernel/names/subject.js'

interface Needs {
  readonly connections: Connections
  readonly subjects: Subjects
}

/** Ends what a user's browsers were given. */
type Revoke = (user: UserSubject) => Promise<void>

/**
 * Does it, and says what was done.
 *
 * @param name how the subject is called in a sentence
 * @throws {LiveSessionError} `malformed` for what cannot be done
 */
export async function act(
  core: Needs,
  revoke: Revoke,
  deed: unknown,
  target: { readonly subject: Subject; readonly name: string } | undefined,
): Promise<string> {
  if (deed === 'restart') {
    restart(core)
    return 'As after a restart: all connections are closed, and memory is empty.'
  }
  if (deed !== 'empty' && deed !== 'revoke')
    throw new LiveSessionError('malformed', 'expected empty, revoke or restart')
  if (!target) throw new LiveSessionError('malformed', 'nothing is in memory of this subject any more')
  const { subject, name } = target
  if (deed === 'empty') {
    forget(core, subject)
    return `Emptied the cache entry of ${name}.`
  }
  if (!isUser(subject)) throw new LiveSessionError('malformed', 'a guest cannot be signed out')
  await revoke(subject)
  return `Ended all sockets, live cookies and tickets of ${name}. The app’s own sessions go on.`
}

/**
 * Forgets every value that is in memory, and has all browsers connect again, as a restart would. What ended stays ended, and what
 * the store was not told of yet is told.
 */
export function restart({ connections, subjects }: Needs): void {
  void connections.end(connections.all(), 'closed')
  subjects.clear()
}

/** The same, of one subject. */
function forget({ connections, subjects }: Needs, subject: Subject): void {
  void connections.end(connections.of(subject), 'closed')
  subjects.evict(subject)
}
