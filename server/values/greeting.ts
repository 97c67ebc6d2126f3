import type { Field } from '../../shared/field.js'
import { Replica } from '../../shared/replica.js'
import type { Core } from '../core.js'
import type { BrowserName } from '../identity/browser-name.js'
import type { Visitor } from '../identity/visitor.js'

/** What a page is told at first: whose it is, and all that it may read. A ticket for each subject of the visitor. */
export function greetingOf(
  { dispatch, freshness, sessions }: Pick<Core, 'dispatch' | 'freshness' | 'sessions'>,
  visitor: Visitor,
  name: BrowserName,
): readonly string[] {
  const all = freshness.subjects(visitor)
  return all.map((subject) => {
    const isOwn = (field: Field): boolean => visitor.subject(field) === subject
    const more = subject === all.at(-1) ? {} : { more: true as const }
    return dispatch.greeting(subject, sessions.find(subject) ?? new Replica(), isOwn, { ...more, ...name })
  })
}
