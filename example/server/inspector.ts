import type Router from '@koa/router'
import type { InspectorRoute } from 'koa-live-session'

const PATH = '/inspector'

/** Adds `/inspector`, for development only, which shows every visitor's values. Prints its URL, with the token. */
export function addInspector(router: Router, live: { inspector(): InspectorRoute }, url: string): void {
  if (inspectorPath() === undefined) return
  const inspector = live.inspector()
  router.all(PATH, inspector)
  console.log(`Inspector: ${url}${PATH}?token=${inspector.token}`)
}

/** Returns the path for a link, without the token: others may see the page through a proxy or a tunnel. */
export function inspectorPath(): string | undefined {
  return process.env['NODE_ENV'] === 'production' ? undefined : PATH
}
