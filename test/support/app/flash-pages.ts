import type Koa from 'koa'
import { account } from './auth.js'
import type { Visitor } from './visitor.js'

/**
 * Acts by the path, in order: `/say` or `/next` flashes the query's message, `/take` responds with the messages, `/on`
 * redirects; `/in`, `/out`, `/identify`, `/leave`, `/forget`.
 */
export const flashPages: Koa.Middleware = async (ctx, next) => {
  if (ctx.path === '/page') {
    ctx.body = ctx.liveSession.snapshot()
    return
  }
  const deeds = ctx.path.split('/').slice(1)
  if (deeds[0] !== 'flash') return account(ctx, next)
  const { liveSession } = ctx
  ctx.body = ''
  for (const deed of deeds) {
    if (deed === 'say') await liveSession.flash(ctx.query['what'] as string)
    if (deed === 'next') await liveSession.flash(ctx.query['what'] as string, { for: 'next' })
    if (deed === 'in') ctx['session'].user = ctx.query['user']
    if (deed === 'out') ctx['session'] = null
    if (deed === 'identify') await liveSession.identify()
    if (deed === 'leave') await liveSession.leave()
    if (deed === 'forget') await liveSession.leave({ forget: true })
    if (deed === 'take') ctx.body = { taken: await liveSession.takeFlash() }
    if (deed === 'on') ctx.redirect('/flash/take')
  }
}

export async function say(visitor: Visitor, what: string, deeds = 'say/on'): Promise<void> {
  await visitor.fetch(`/flash/${deeds}?what=${encodeURIComponent(what)}`)
}

/** Returns the messages that the next page shows. */
export async function takeFlash(visitor: Visitor, init: RequestInit = {}, deeds = 'take'): Promise<readonly unknown[]> {
  return (await (await visitor.fetch(`/flash/${deeds}`, init)).json()).taken
}
