import type { Server as HttpServer } from 'node:http'
import type Router from '@koa/router'
import type { InspectorRoute } from 'koa-live-session'

/** The inspector shows every visitor's values: it is for development only. */
export function isInspected(): boolean {
  return process.env['NODE_ENV'] !== 'production'
}

/** Adds `/inspector`. Its address, with the key that opens it, is printed once the server listens. */
export function addInspector(router: Router, live: { inspector(): InspectorRoute }, http: HttpServer): void {
  if (!isInspected()) return
  const inspector = live.inspector()
  router.all('/inspector', inspector)
  http.once('listening', () => {
    const address = http.address()
    const port = typeof address === 'object' ? address?.port : undefined
    console.log(`Inspector: http://localhost:${port}/inspector?token=${inspector.token}`)
  })
}
