// The types of the core with features, and the end of a user's sign-ins in every feature.

import type Koa from 'koa'
import type { Feature } from './feature.js'
import type { UserSubject } from './ids/subject.js'
import type { SyncCore } from './sync/sync-core.js'

/** The core of a plugin, with its features. */
export interface Core extends SyncCore {
  readonly features: readonly Feature[]
}

/** Creates a feature. */
export type MakeFeature = (core: Core) => Feature

/** Ends a user's sign-ins in all features, except the sign-in of the request `except`. */
export async function endSessions({ features }: Core, user: UserSubject, except?: Koa.Context): Promise<void> {
  await Promise.all(features.map(({ revokes }) => revokes?.(user, except)))
}
