// The type of the app's Kysely.

import type { Kysely } from 'kysely'

/** The app's Kysely, with any tables: the store names its own. */
export type AnyDatabase = Kysely<any>
