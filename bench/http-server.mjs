// One HTTP server of the benchmark, in a process of its own: `fork('http-server.mjs', [mode])` answers with its port and
// with the cookies of its visitors.
import { randomBytes } from 'node:crypto'
import Keygrip from 'keygrip'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import session from 'koa-session'
import onHeaders from 'on-headers'
import { z } from 'zod'
import { coreOf } from '../dist/server/plugin.js'

const [mode, redisSocket] = process.argv.slice(2)
const SECRET = 'x'.repeat(32)
const DAY = 86_400_000
const VISITORS = 256
/** More than the cache and the memory of verified cookies hold, so that each request finds neither. */
const STRANGERS = 24_000
/** A second. */
const SIGN_OUTS = 100
const SOCKET_CLOSES = 500

const names = ['theme', 'lang', 'cart', 'page', 'zoom', 'vol']
const text = z.string()
const fields = defineFields(
  Object.fromEntries(names.map((name) => [name, { schema: text, default: '', client: 'write' }])),
)
const values = () => Object.fromEntries(names.map((name, i) => [name, name === 'theme' ? 'dark!' : `${name}${i}`]))

/** 300 bytes of values, with stamps, as an app without us would keep them. */
const stored = () => ({
  registers: names.map((name, i) => [name, 1_700_000_000_000 + i, values()[name]]),
  _expire: Date.now() + DAY,
  _maxAge: DAY,
})

const keygrip = new Keygrip([SECRET])
const signed = (name, value) => `${name}=${value}; ${name}.sig=${keygrip.sign(`${name}=${value}`)}`
const hello = (ctx) => {
  ctx.body = 'hello'
}

const modes = {
  koa: (app) => {
    app.use(hello)
    return sameCookies()
  },
  'koa with headers': (app) => {
    app.use((ctx) => {
      onHeaders(ctx.res, () => {
        if (!ctx.res.hasHeader('Vary')) ctx.res.setHeader('Vary', 'Cookie')
        if (!ctx.res.hasHeader('Cache-Control')) ctx.res.setHeader('Cache-Control', 'private')
      })
      ctx.body = 'hello'
    })
    return sameCookies()
  },
  'koa-session cookie': (app) => {
    app.use(session({ maxAge: DAY }, app))
    app.use((ctx) => {
      ctx.body = ctx.session.registers[0][2]
    })
    return Array.from({ length: VISITORS }, () =>
      signed('koa.sess', Buffer.from(JSON.stringify(stored())).toString('base64')),
    )
  },
  'koa-session redis': async (app) => {
    const { createClient } = await import('redis')
    const client = await createClient({ socket: { path: redisSocket } }).connect()
    const store = {
      get: async (key) => JSON.parse((await client.get(key)) ?? 'null'),
      set: (key, value, ms) => client.set(key, JSON.stringify(value), { PX: ms }),
      destroy: (key) => client.del(key),
    }
    app.use(session({ maxAge: DAY, store }, app))
    app.use((ctx) => {
      ctx.body = ctx.session.registers[0][2]
    })
    const ids = Array.from({ length: VISITORS }, () => randomBytes(16).toString('hex'))
    for (const id of ids) await store.set(id, stored(), DAY)
    return ids.map((id) => signed('koa.sess', id))
  },
  'koa-session beside': (app) => {
    app.use(session({ maxAge: DAY }, app))
    app.use(hello)
    return sameCookies()
  },
  'live warm': (app) => live(app, {}, VISITORS),
  'live busy': (app) => live(app, {}, VISITORS, churn),
  'live cold': (app) => live(app, { cache: { maxSubjects: 1000 } }, STRANGERS),
  'live unused': (app) => {
    app.use(liveSession(app, { fields }).middleware())
    app.use(hello)
    return sameCookies()
  },
  'live beside': (app) => {
    app.use(session({ maxAge: DAY }, app))
    app.use(liveSession(app, { fields }).middleware())
    app.use(hello)
    return sameCookies()
  },
}

/** What the browser sends is the same work for every server, whether it reads it or not. */
function sameCookies() {
  return live(new Koa({ keys: [SECRET] }), {}, VISITORS)
}

function live(app, options, visitors, beside = () => undefined) {
  const plugin = liveSession(app, { fields, ...options })
  beside(coreOf(plugin))
  app.use(plugin.middleware())
  app.use((ctx) => {
    ctx.body = ctx.liveSession.get('theme')
  })
  return Array.from({ length: visitors }, () => cookieFor(plugin, { values: values() }))
}

/**
 * What other visitors do meanwhile: sign out, and close sockets under which nothing was ever set. Only what that leaves behind
 * counts here, so it is done without requests and sockets of its own.
 */
function churn({ epochs, subjects }) {
  const each = (rate, act) => {
    const began = performance.now()
    let done = 0
    setInterval(() => {
      for (const due = ((performance.now() - began) * rate) / 1000; done < due; done += 1)
        act(`browser:${randomBytes(16).toString('base64url')}`)
    }, 2)
  }
  each(SIGN_OUTS, (browser) => epochs.giveUp(browser, undefined))
  each(SOCKET_CLOSES, (browser) => {
    subjects.hold(browser)
    subjects.release(browser)
  })
}

const app = new Koa({ keys: [SECRET] })
const cookies = await modes[mode](app)
const server = app.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, cookies }))
process.on('SIGINT', () => process.exit())
process.on('message', () => process.send({ cpu: process.cpuUsage() }))
