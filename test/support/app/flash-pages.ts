import type Koa from 'koa'
import { account } from './auth.js'
import type { Visitor } from './visitor.js'

/**
 * Performs the actions in the path, in order: `/say` or `/next` flashes the query's message, `/take` responds with the messages, `/on`
 * redirects; `/in`, `/out`, `/identify`, `/leave` and `/forget` change the visitor.
 */
export const flashPages: Koa.Middleware = async (ctx, next) => {
  if (ctx.path === '/page') {
    ctx.body = ctx.liveSession.snapshot()
    return
  }
  const actions = ctx.path.split('/').slice(1)
  if (actions[0] !== 'flash') return account(ctx, next)
  const { liveSession } = ctx
  ctx.body = ''
  for (const action of actions) {
    if (action === 'say') await liveSession.flash(ctx.query['what'] as string)
    if (action === 'next') await liveSession.flash(ctx.query['what'] as string, { for: 'next' })
    if (action === 'in') ctx['session'].user = ctx.query['user']
    if (action === 'out') ctx['session'] = null
    if (action === 'identify') await liveSession.identify()
    if (action === 'leave') await liveSession.leave()
    if (action === 'forget') await liveSession.leave({ forget: true })
    if (action === 'take') ctx.body = { taken: await liveSession.takeFlash() }
    if (action === 'on') ctx.redirect('/flash/take')
  }
}

export async function say(visitor: Visitor, what: string, actions = 'say/on'): Promise<void> {
  await visitor.fetch(`/flash/${actions}?what=${encodeURIComponent(what)}`)
}

/** Returns the messages that the next page shows. */
export async function takeFlash(
  visitor: Visitor,
  init: RequestInit = {},
  actions = 'take',
): Promise<readonly unknown[]> {
  return (await (await visitor.fetch(`/flash/${actions}`, init)).json()).taken
}
