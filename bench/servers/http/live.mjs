import { randomBytes } from 'node:crypto'
import { liveSession } from 'koa-live-session'
import session from 'koa-session'
import { coreOf } from '../../../dist/server/plugin.js'
import { DAY, fields, fieldsOf, newApp } from './app.mjs'

/** Sign-outs and closed sockets per second. */
const SIGN_OUTS = 100
const SOCKET_CLOSES = 500

function start(options = {}, prepare = () => undefined) {
  const app = newApp()
  prepare(app)
  const live = liveSession(app, { fields, ...options })
  app.use(live.middleware())
  return { app, live }
}

function read({ app }) {
  app.use((ctx) => {
    ctx.body = ctx.liveSession.get('theme')
  })
  return app.callback()
}

function hello({ app }) {
  app.use((ctx) => {
    ctx.body = 'hello'
  })
  return app.callback()
}

export const live = () => read(start())
/** With caches too small for all visitors and cookies, so that each request is its visitor's first. */
export const cold = () => read(start({ cache: { maxVisitors: 1000, maxGuestBytes: 1_000_000 } }))

/** With room for 100,000 visitors, as described in docs/maintainers/performance.md. */
export const roomy = () => read(start({ cache: { maxVisitors: 200_000, maxGuestBytes: 350_000_000 } }))
export const unused = () => hello(start())
export const beside = () => hello(start({}, (app) => app.use(session({ maxAge: DAY }, app))))

/** During the measurement, others sign out, and close sockets over which nothing was ever set. */
export function busy() {
  const begun = start()
  return Object.assign(read(begun), { during: () => disturb(begun) })
}

/** The same work in another app, without effects on these visitors: the difference to `busy` is the effect of the others. */
export function busyElsewhere() {
  const elsewhere = start()
  return Object.assign(read(start()), { during: () => disturb(elsewhere) })
}

/** Makes no real requests or sockets: only their effects on memory matter. */
function disturb({ live }) {
  const { ends, memory } = coreOf(live)
  const closeSocket = (browser) => {
    memory.pin(browser)
    memory.unpin(browser)
  }
  const others = [repeat(SIGN_OUTS, (browser) => ends.retire(browser, undefined)), repeat(SOCKET_CLOSES, closeSocket)]
  return () => others.forEach(clearInterval)
}

function repeat(aSecond, act) {
  const began = performance.now()
  let done = 0
  return setInterval(() => {
    for (const due = ((performance.now() - began) * aSecond) / 1000; done < due; done += 1)
      act(`browser:${randomBytes(16).toString('base64url')}`)
  }, 2)
}

/** With this many users in memory, each with three values. */
export async function crowded({ users }) {
  // The cache keeps at least half of its maximum, and must keep all users.
  const begun = start({ cache: { maxVisitors: 2 * users + 1000 } })
  for (let user = 0; user < users; user += 1) {
    const session = await begun.live.user(user)
    await session.setMany({ theme: 'dark!', lang: 'lang1', cart: 'cart2' })
  }
  return read(begun)
}

/** With this many fields. */
export const wide = ({ keys }) => read(start({ fields: fieldsOf(keys) }))
