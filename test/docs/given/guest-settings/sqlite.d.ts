// `sqlite.ts` of docs/stores.md, which the page says that its app has.
import type { Store } from 'koa-live-session'
import type { Kysely } from 'kysely'

export declare const db: Kysely<unknown>
export declare const store: Store
