import type Router from '@koa/router'
import type Koa from 'koa'

/** The inspector shows every visitor's values: it is for development alone. */
export function isInspected(): boolean {
  return process.env['NODE_ENV'] !== 'production'
}

/** `/inspector`. */
export function addInspector(router: Router, live: { inspector(): Koa.Middleware }): void {
  if (isInspected()) router.all('/inspector', live.inspector())
}
