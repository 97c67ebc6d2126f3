import type Router from '@koa/router'
import type { LiveSessionPlugin } from 'koa-live-session'
import type { fields } from '../fields.js'

/** It shows every visitor's values: it is for development alone. */
export const isInspected = process.env['NODE_ENV'] !== 'production'

/** `/inspector`. */
export function addInspector(router: Router, live: LiveSessionPlugin<typeof fields>): void {
  if (isInspected) router.all('/inspector', live.inspector())
}
