// The exports of `sqlite.ts` in docs/stores.md, on which docs/guest-settings.md builds.
import type { Store } from 'koa-live-session'
import type { Kysely } from 'kysely'

export declare const db: Kysely<unknown>
export declare const store: Store
