import type { Kysely } from 'kysely'

/** A Kysely of the app, whatever its tables are: the store names its own. */
export type AnyDatabase = Kysely<any>
