import type Router from '@koa/router'
import type { LiveSessionPlugin } from 'koa-live-session'
import { emptyCache } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import type { fields } from '../fields.js'
import type { HoodReport } from '../protocol.js'
import type { ClusterNode } from './node.js'
import { restart } from './restart.js'

const startedAt = Date.now()
/** The visitor whose next change kills this process. */
let last: string | undefined

/** Adds the routes of the panel "Under the hood": its data, and the failures it can cause. */
export function addHood(router: Router, live: LiveSessionPlugin<typeof fields>, node?: ClusterNode): void {
  router.get('/hood', (ctx) => {
    // `inspect` would include hidden fields, but this app has none.
    const inspections = Object.fromEntries(ctx.liveSession.inspect())
    const { name, names } = node ?? {}
    const report: HoodReport = { pid: process.pid, startedAt, inspections, ...(names && { node: name, nodes: names }) }
    ctx.set('Cache-Control', 'no-store')
    ctx.body = report
  })
  router.post('/restart', restart)
  router.post('/end-next', (ctx) => {
    ctx.status = 204
    last = ctx.liveSession.visitorId
  })
  router.post('/empty-cache', (ctx) => {
    ctx.status = 204
    ctx.res.once('close', () => emptyCache(live))
  })
}

/** Notifies the page of each change accepted by this process. */
export function serveFlow(socket: Socket): void {
  const { liveSession } = socket
  liveSession.onChange(({ key, source }) => {
    socket.emit('taken', key)
    if (source !== 'socket' || last === undefined || last !== liveSession.visitorId) return
    last = undefined
    // Exit after the next packet, the ticket: memory has the change, the cookie does not yet.
    socket.conn.once('drain', () => process.kill(process.pid, 'SIGKILL'))
  })
}
