import type Koa from 'koa'
import type { UserSubject } from './ids/subject.js'
import type { Part } from './part.js'
import type { UpToExchange } from './sync/up-to-exchange.js'

/** A plugin's kernel with its parts. */
export interface Core extends UpToExchange {
  readonly parts: readonly Part[]
}

/** Creates a part. */
export type MakePart = (core: Core) => Part

/** Ends a user's sign-ins in all parts, except the sign-in of the request `except`. */
export async function endSessions({ parts }: Core, user: UserSubject, except?: Koa.Context): Promise<void> {
  await Promise.all(parts.map(({ revokes }) => revokes?.(user, except)))
}
