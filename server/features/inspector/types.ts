// The public types of the inspector.

import type Koa from 'koa'
import type { Awaitable } from '../../../shared/awaitable.js'

/** The options of `live.inspector(options)`. */
export interface InspectorOptions {
  /**
   * Returns whether a request may see every visitor's values, and use the buttons. Called for each request, of pages and buttons alike;
   * only `true` admits. Decide by the signed-in user, not by an IP address. Required if NODE_ENV is production.
   *
   * @default admits browsers that have opened the route with its token, which the log shows at startup
   * @example
   * authorize: (ctx) => ctx.session?.role === 'admin'
   */
  readonly authorize?: (ctx: Koa.Context) => Awaitable<boolean>
}

/** The route returned by `live.inspector()`, with its token. */
export type InspectorRoute = Koa.Middleware & {
  /** The token: opening the route with `?token=` gives the browser a cookie. Undefined with `authorize`. */
  readonly token: string | undefined
}

/** The member of the plugin for the inspector. */
export interface InspectorMembers {
  /**
   * Returns a development route with a live view of each visitor in this process: `router.all('/inspector', live.inspector())`. Admits
   * browsers that opened the route with the `token` from the startup log, or requests that `authorize` admits.
   *
   * @throws {TypeError} for an invalid option, or without `authorize` if NODE_ENV is production
   */
  inspector(options?: InspectorOptions): InspectorRoute
}
