import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastifySession from '@fastify/session'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { Express, RequestHandler } from 'express'
import session from 'express-session'
import type { FastifyInstance } from 'fastify'
import type { LiveSessionPlugin, Store } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import type { Server } from 'socket.io'
import { SECRET } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import { Gate } from '../support/app/gate.js'
import { idleIntervals } from '../support/app/idle-intervals.js'
import { present } from '../support/app/present.js'
import { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

interface App {
  /** Fastify must be ready before its server listens. */
  readonly app: { ready?(): PromiseLike<unknown> }
  readonly http: HttpServer
  readonly io: Server
  readonly live: LiveSessionPlugin
}

/** A framework's apps share their sign-ins, as nodes do, and as an app does after a restart. */
interface Framework {
  readonly folder: string
  readonly sessions: Sessions
}

/** A store of sessions, by express-session's interface. */
interface Sessions {
  get(id: string, end: (error: null) => void): void
  set(id: string, session: { readonly userId?: string }, end: () => void): void
}

const FRAMEWORKS: Readonly<Record<string, () => Framework>> = {
  'Express 5': () => ({ folder: 'express', sessions: new session.MemoryStore() as unknown as Sessions }),
  'Fastify 5': () => ({ folder: 'fastify', sessions: new fastifySession.MemoryStore() as unknown as Sessions }),
}

/** Loads the example at runtime: its fields must not become the fields of all tests. */
async function createApp({ folder, sessions }: Framework, store?: Store): Promise<App> {
  const { createApp } = await import(`../../example/${folder}/app.js`)
  return createApp(SECRET, store, sessions)
}

/** Holds back the saves of a user's session. */
function holdSaves(sessions: Sessions, gate: Gate): void {
  const { set } = sessions
  jest.spyOn(sessions, 'set').mockImplementation((id, saved, end) => {
    const passed = saved.userId === undefined ? Promise.resolve() : gate.pass()
    void passed.then(() => set.call(sessions, id, saved, end))
  })
}

/** The default of `recheck`, in ms. */
const FIVE_MINUTES = 5 * 60 * 1000
const advance = idleIntervals()
const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** An app that listens on a free port. */
class Running {
  readonly #app: App

  constructor(app: App) {
    this.#app = app
    ends.push(() => this.stop())
  }

  visitor(cookie?: string): Visitor {
    const visitor = new Visitor(`http://127.0.0.1:${(this.#app.http.address() as AddressInfo).port}`, cookie)
    ends.push(() => visitor.leave())
    return visitor
  }

  async stop(): Promise<void> {
    await this.#app.live.close()
    this.#app.http.closeAllConnections()
    await this.#app.io.close()
  }
}

async function start(framework: Framework, { store, bus }: { store?: Store; bus?: Bus } = {}): Promise<Running> {
  const app = await createApp(framework, store)
  await app.app.ready?.()
  bus?.join(app.io)
  await new Promise<void>((resolve) => void app.http.listen(0, '127.0.0.1', resolve))
  return new Running(app)
}

/** What the first HTML shows. */
async function shown(visitor: Visitor): Promise<object> {
  const html = await visitor.text('/')
  const part = (pattern: RegExp): string | undefined => pattern.exec(html)?.[1]
  const cart = [...html.matchAll(/<li>(.*?)<\/li>/g)].map(([, tea]) => tea)
  return { user: part(/data-user="(.*?)"/), theme: part(/data-theme="(.*?)"/), cart }
}

async function post(visitor: Visitor, path: string, headers: Record<string, string> = {}): Promise<number> {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  return (await visitor.fetch(path, { method: 'POST', headers: { ...form, ...headers } })).status
}

async function open(visitor: Visitor): Promise<Page> {
  const page = await visitor.open({ path: '/' })
  await page.connected()
  return page
}

const GUEST = { user: '', theme: 'light', cart: [] }

describe.each(Object.entries(FRAMEWORKS))('the %s example', (_, create) => {
  let framework: Framework
  beforeEach(() => {
    framework = create()
  })

  it('shows a visitor’s own values in the first HTML', async () => {
    const app = await start(framework)
    const [one, two] = [app.visitor(), app.visitor()]
    expect(await shown(one)).toEqual(GUEST)
    await one.store({ set: [['theme', -1, '', 'dark']] })
    expect([await shown(one), await shown(two)]).toEqual([{ ...GUEST, theme: 'dark' }, GUEST])
  })

  it('sends a socket’s change to other sockets and the next HTML', async () => {
    const app = await start(framework)
    const visitor = app.visitor()
    await visitor.store()
    const [one, two] = [await open(visitor), await open(visitor)]
    await one.live.set('theme', 'dark')
    await two.shows('theme', 'dark')
    expect(await shown(visitor)).toEqual({ ...GUEST, theme: 'dark' })
  })

  it('sends a route’s change to open pages', async () => {
    const app = await start(framework)
    const visitor = app.visitor()
    await visitor.store({ set: [['cart', -1, '', ['Mint']]] })
    const page = await open(visitor)
    expect(page.live.get('cart')).toEqual(['Mint'])
    expect(await post(visitor, '/empty')).toBe(302)
    await page.shows('cart', [])
  })

  it('saves by POST in the cookie, and keeps a guest through a restart', async () => {
    const app = await start(framework)
    const visitor = app.visitor()
    const page = await open(visitor)
    await page.live.set('theme', 'dark')
    await page.reaches('theme', 'saved')
    const { cookie } = visitor
    await page.live.update('cart', () => ['Mint'])
    await page.reaches('cart', 'saved')
    expect(visitor.cookie).not.toBe(cookie)
    await app.stop()
    const next = await start(framework)
    expect(await shown(next.visitor(visitor.cookie))).toEqual({ ...GUEST, theme: 'dark', cart: ['Mint'] })
  })

  it('answers the endpoint with any query', async () => {
    const visitor = (await start(framework)).visitor()
    const { status, headers } = await visitor.fetch('/store_session?a')
    expect([status, headers.get('allow')]).toEqual([405, 'POST'])
  })

  it('transfers a guest’s values at a sign-in, as onLogin declares', async () => {
    const app = await start(framework)
    const [phone, laptop] = [app.visitor(), app.visitor()]
    expect(await post(phone, '/sign-in')).toBe(302)
    await phone.store({ set: [['cart', -1, '', ['Assam']]] })
    await laptop.store({
      set: [
        ['cart', -1, '', ['Mint']],
        ['theme', -1, '', 'dark'],
      ],
    })
    const [there, here] = [await open(phone), await open(laptop)]
    const changed = new Promise((resolve) => here.live.onVisitor(resolve))
    expect(await post(laptop, '/sign-in')).toBe(302)
    const ann = { user: 'ann', theme: 'light', cart: ['Assam', 'Mint'] }
    expect([await shown(laptop), await shown(phone)]).toEqual([ann, ann])
    expect(await changed).toMatchObject({ id: 'ann' })
    await there.shows('cart', ann.cart)
    await here.shows('cart', ann.cart)
  })

  it('signs out, and keeps the account’s values', async () => {
    const app = await start(framework)
    const visitor = app.visitor()
    await post(visitor, '/sign-in')
    await visitor.store({ set: [['cart', -1, '', ['Assam']]] })
    const page = await open(visitor)
    const changed = new Promise((resolve) => page.live.onVisitor(resolve))
    const copy = app.visitor(visitor.cookie)
    expect(await post(visitor, '/sign-out')).toBe(302)
    expect(await shown(visitor)).toEqual(GUEST)
    expect(await changed).toMatchObject({ kind: 'guest' })
    await page.shows('cart', [])
    expect(await shown(copy)).toEqual(GUEST)
    await post(visitor, '/sign-in')
    expect(await shown(visitor)).toEqual({ ...GUEST, user: 'ann', cart: ['Assam'] })
  })

  it('keeps a user’s sign-in and values in stores through a restart', async () => {
    const store = memoryStore()
    const app = await start(framework, { store })
    const visitor = app.visitor()
    await post(visitor, '/sign-in')
    await visitor.store({ set: [['cart', -1, '', ['Assam']]] })
    const { cookie } = visitor
    await app.stop()
    const next = await start(framework, { store })
    const again = next.visitor(cookie)
    expect(await shown(again)).toEqual({ ...GUEST, user: 'ann', cart: ['Assam'] })
    const page = await open(again)
    expect(page.live.get('cart')).toEqual(['Assam'])
    const other = next.visitor()
    await post(other, '/sign-in')
    expect(await shown(other)).toEqual({ ...GUEST, user: 'ann', cart: ['Assam'] })
  })

  it('shows a change in the sockets and HTML of another node', async () => {
    const [bus, store] = [new Bus(), memoryStore()]
    const [one, two] = [await start(framework, { store, bus }), await start(framework, { store, bus })]
    const phone = one.visitor()
    await post(phone, '/sign-in')
    const laptop = two.visitor()
    await post(laptop, '/sign-in')
    const [here, there] = [await open(phone), await open(laptop)]
    await here.live.update('cart', () => ['Mint'])
    await there.shows('cart', ['Mint'])
    expect(await shown(laptop)).toEqual({ ...GUEST, user: 'ann', cart: ['Mint'] })
    const changed = new Promise((resolve) => there.live.onVisitor(resolve))
    const moved = one.visitor(laptop.cookie)
    await post(moved, '/sign-out')
    expect(await changed).toMatchObject({ kind: 'guest' })
    expect(await shown(laptop)).toEqual(GUEST)
  })

  it('rechecks sockets, and closes those whose session has ended', async () => {
    const visitor = (await start(framework)).visitor()
    await post(visitor, '/sign-in')
    const socket = await visitor.connect()
    await advance(FIVE_MINUTES)
    expect(socket.io.connected).toBe(true)
    jest.spyOn(framework.sessions, 'get').mockImplementation((_id, end) => end(null))
    await advance(FIVE_MINUTES)
    expect(await socket.closed).toBe('transport close')
  })

  it('answers a sign-in only when its session is stored', async () => {
    const app = await start(framework)
    const visitor = app.visitor()
    const gate = new Gate()
    holdSaves(framework.sessions, gate)
    let isAnswered = false
    const answer = post(visitor, '/sign-in').then((status) => {
      isAnswered = true
      return status
    })
    await gate.entered
    // An answer that had begun would arrive before this one.
    await shown(app.visitor())
    expect(isAnswered).toBe(false)
    gate.open()
    expect([await answer, await shown(visitor)]).toEqual([302, { ...GUEST, user: 'ann' }])
  })

  it('refuses requests and sockets of other sites', async () => {
    const warn = jest.spyOn(console, 'warn').mockReturnValue()
    const app = await start(framework)
    const visitor = app.visitor()
    const origin = 'https://evil.example'
    const statuses = [await post(visitor, '/sign-in', { origin }), (await visitor.store({}, { origin })).status]
    expect(statuses).toEqual([403, 403])
    await expect(visitor.connect('/', { origin })).rejects.toMatchObject({ data: { code: 'bad_origin' } })
    expect(await shown(visitor)).toEqual(GUEST)
    expect(warn).toHaveBeenCalled()
  })
})

/** Signs out while a request to `/slow` waits at the gate. Returns both responses, and the HTML for the former cookie. */
async function signedOutMeanwhile({ http, io, live }: App, gate: Gate) {
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve))
  const visitor = new Running({ app: {}, http, io, live }).visitor()
  await post(visitor, '/sign-in')
  const headers = { cookie: visitor.cookie }
  const slow = fetch(`${visitor.url}/slow`, { headers })
  await gate.entered
  const signOut = await visitor.fetch('/sign-out', { method: 'POST', redirect: 'manual' })
  gate.open()
  const late = await slow
  return { signOut, late, html: await (await fetch(visitor.url, { headers })).text() }
}

it('threat 136: a late request stores no session after a sign-out in Express', async () => {
  const created = await createApp(present(FRAMEWORKS['Express 5'])())
  const gate = new Gate()
  const slow: RequestHandler = async (req, res) => {
    await gate.pass()
    Object.assign(req.session, { note: 'late' })
    res.end()
  }
  ;(created.app as Express).get('/slow', slow)
  const { signOut, html } = await signedOutMeanwhile(created, gate)
  expect(signOut.headers.getSetCookie().join()).toMatch(/sid=;/)
  expect(html).toContain('data-user=""')
})

it('threat 136: a late request stores no session after a sign-out in Fastify', async () => {
  const created = await createApp(present(FRAMEWORKS['Fastify 5'])())
  const gate = new Gate()
  const fastify = created.app as FastifyInstance
  fastify.get('/slow', async () => {
    await gate.pass()
    return ''
  })
  await fastify.ready()
  const { late, html } = await signedOutMeanwhile(created, gate)
  expect(late.headers.getSetCookie().filter((line) => line.startsWith('sessionId='))).toEqual([])
  expect(html).toContain('data-user=""')
})
