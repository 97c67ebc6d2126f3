// The options after validation, with defaults: their types, and the default limits.

import type Koa from 'koa'
import type { FieldMap } from '../../shared/compiled-fields.js'
import type { Fields } from '../../shared/types.js'
import type { LiveSessionOptions } from '../types/options.js'
import type { Store } from '../types/store.js'
import type { EmitRefusal, Report, Warn } from './report.js'
import type { Clock } from './timers.js'

/** Every option, with its default filled in. */
export interface Settings {
  readonly fields: FieldMap
  readonly identify: LiveSessionOptions<Fields>['identify']
  readonly secrets: readonly string[]
  readonly cookie: CookieOptions
  /** ms since the last use after which the session ends, even in a browser that is never closed. */
  readonly maxAge: number
  readonly endpoint: string
  readonly origins: readonly string[]
  readonly maxIdle: number
  readonly maxVisitors: number
  readonly maxGuestBytes: number
  readonly store: Store | undefined
  readonly storeTimeout: number
  readonly storeRefresh: number
  readonly storeMaxIdle: number
  readonly cookieBudget: number
  readonly consent: (ctx: Koa.Context) => boolean
  readonly deviceLabel: (ctx: Koa.Context) => string | undefined
  readonly limits: LimitOptions
  readonly report: Report
  readonly emitRefusal: EmitRefusal
  readonly warn: Warn
  readonly clock: Clock
}

/** The options of the live cookie. */
export interface CookieOptions {
  readonly name: string
  /** ms of validity. */
  readonly maxAge: number
  /** Sends no expiry time, so the browser drops the cookie when the user closes the browser. */
  readonly endsWithBrowser: boolean
  readonly sameSite: 'strict' | 'lax' | 'none'
  readonly secure: boolean | undefined
  readonly domain: string | undefined
  /** Gives each embedding site a separate cookie (CHIPS). */
  readonly partitioned: boolean
}

/** The default limits, documented in types/options.ts. */
export const LIMITS = { changesPerSocket: 20, changesPerVisitor: 50, socketsPerVisitor: 20 }
export type LimitOptions = Readonly<typeof LIMITS>
