import type Koa from 'koa'
import type { UpToExchange } from '../exchange/up-to-exchange.js'
import type { UserSubject } from '../names/subject.js'
import type { Part } from './part.js'

/** The kernel of one plugin, and its parts. */
export interface Core extends UpToExchange {
  readonly parts: readonly Part[]
}

/** A function that creates a part from the pieces it needs. */
export type MakePart = (core: Core) => Part

/** Has the parts end what a user is signed in by, apart from what the request `except` came with. */
export async function endSessions({ parts }: Core, user: UserSubject, except?: Koa.Context): Promise<void> {
  await Promise.all(parts.map(({ revokes }) => revokes?.(user, except)))
}
