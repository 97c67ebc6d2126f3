import type Router from '@koa/router'
import type { LiveSessionPlugin } from 'koa-live-session'
import { emptyCache } from 'koa-live-session/testing'
import type { fields } from '../fields.js'
import type { HoodReport } from '../protocol.js'
import type { ClusterNode } from './node.js'

/** Seconds after which a restart is over. */
const RESTART = 3

const startedAt = Date.now()

/** What the panel "Under the hood" shows, and the accidents it can cause. */
export function addHood(router: Router, live: LiveSessionPlugin<typeof fields>, node?: ClusterNode): void {
  router.get('/hood', (ctx) => {
    // Hidden fields would be in it too; this app has none.
    const inspections = Object.fromEntries(ctx.liveSession.inspect())
    const { name, names } = node ?? {}
    const report: HoodReport = { pid: process.pid, startedAt, inspections, ...(names && { node: name, nodes: names }) }
    ctx.set('Cache-Control', 'no-store')
    ctx.body = report
  })
  router.post('/restart', (ctx) => {
    ctx.status = 202
    // Of use to browsers without a script: by then the server is back.
    ctx.set('Refresh', `${RESTART}; url=/`)
    ctx.body = 'The server is restarting. The page comes back by itself.'
    // As hard as it gets: nothing can be saved on the way down. start.mjs starts it again.
    ctx.res.once('close', () => process.kill(process.pid, 'SIGKILL'))
  })
  router.post('/empty-cache', (ctx) => {
    ctx.status = 204
    ctx.res.once('close', () => emptyCache(live))
  })
}
