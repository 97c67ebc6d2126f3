import type Router from '@koa/router'
import type Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import type { fields } from '../fields.js'
import { signedIn } from './account.js'
import { readForm } from './form.js'
import { renderDevices } from './render.js'

const BROWSERS = ['Firefox', 'Edg', 'Chrome', 'Safari']
const SYSTEMS = ['Windows', 'Android', 'iPhone', 'Mac', 'Linux']

/** Returns the browser and system of a request, as far as its User-Agent tells. */
export function browserOf(ctx: Koa.Context): string {
  const agent = ctx.get('User-Agent')
  const find = (names: readonly string[]): string => names.find((name) => agent.includes(name)) ?? 'unknown'
  return `${find(BROWSERS).replace('Edg', 'Edge')}, ${find(SYSTEMS)}`
}

/** Adds `/account`: the user's devices, with sign-out buttons. Only nodes have a session store: a single process uses cookies. */
export function addDevices(router: Router, live: LiveSessionPlugin<typeof fields>, areKept: boolean): void {
  router.get('/account', async (ctx) => {
    const user = signedIn(ctx)
    const devices = user && areKept ? await live.devices(user.id, { current: ctx }) : undefined
    ctx.type = 'html'
    ctx.body = await renderDevices(ctx, devices)
  })
  router.post('/account/end', async (ctx) => {
    const user = signedIn(ctx)
    const name = (await readForm(ctx)).get('name') ?? ''
    const isThere = user !== undefined && (await live.endDevice(user.id, name))
    await ctx.liveSession.flash(isThere ? 'Signed out there.' : 'That browser was signed out before.')
    back(ctx)
  })
  router.post('/account/others', async (ctx) => {
    const user = signedIn(ctx)
    if (user) {
      if (areKept) await ctx['session'].regenerate()
      await live.revoke(user.id, { except: ctx })
    }
    await ctx.liveSession.flash('Signed out everywhere else.')
    back(ctx)
  })
}

function back(ctx: Koa.Context): void {
  ctx.status = 303
  ctx.redirect('/account')
}
