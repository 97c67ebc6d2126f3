import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { storeSession } from 'koa-live-session/hook'
import { testClock } from 'koa-live-session/testing'
import type { Socket } from 'socket.io-client'
import { Dice } from '../fuzz/dice.js'
import { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { atScale } from '../support/app/scale.js'
import { startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const original = { fetch: globalThis.fetch }
/** What the hooks wait for: it passes when the test says so. */
let waits: (() => void)[] = []

describe('the small hook', () => {
  beforeEach(() => {
    waits = []
    const { setTimeout: wait } = globalThis
    const hold = (act: () => void, ms: number): unknown => (ms === 100 || ms === 5000 ? waits.push(act) : wait(act, ms))
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(hold as never)
    Object.assign(globalThis, { addEventListener: () => undefined, removeEventListener: () => undefined })
  })

  afterEach(() => {
    jest.restoreAllMocks()
    Object.assign(globalThis, original)
  })

  /** A change; a kill of the server, and a start; a POST of the hook that arrives, that does not, whose answer does not, or whose server is killed meanwhile. */
  const STEPS = ['change', 'kill', 'POST', 'lost POST', 'unanswered POST', 'killed POST'] as const

  type Step = (typeof STEPS)[number]

  /** What was chosen last, and what the server reads once it has nothing but the cookie. */
  async function outcome(steps: readonly Step[]): Promise<readonly [chosen: string, read: string]> {
    const clock = testClock()
    const start = async (port?: number): Promise<App> => {
      const app = await App.start({
        clock,
        ...(port !== undefined && { port }),
        routes: (ctx) => {
          ctx.body = ctx.liveSession.embed() && String(ctx.liveSession.get('division'))
        },
      })
      app.io.on('connection', (socket) => {
        socket.on('choose', (value, done) => void socket.liveSession.set('division', value).then(done))
      })
      return app
    }
    let app = await start()
    const visitor = app.visitor()
    await visitor.text('/')
    const { io } = await visitor.connect()
    const end = storeSession(io)
    await io.emitWithAck('live_session:sync', {})
    let chosen = 0

    const choose = async (): Promise<void> => {
      clock.advance(1000)
      chosen += 1
      await io.emitWithAck('choose', chosen)
    }
    const kill = async (): Promise<void> => {
      const { port } = app
      await app.stop({ isCrash: true })
      app = await start(port)
      const back = new Promise((resolve) => io.once('connect', () => resolve(undefined)))
      Object.assign(io.io.opts, { extraHeaders: { cookie: visitor.cookie, origin: visitor.url } })
      io.disconnect().connect()
      await back
      // The hook has asked before, so it was told.
      await io.emitWithAck('live_session:sync', {})
    }
    const post = async (step: Step): Promise<void> => {
      let underWay = 0
      const arrive = async (body: string): Promise<Response> => {
        if (step === 'lost POST') throw new TypeError('fetch failed')
        visitor.keepsCookies = step === 'POST'
        const answering = visitor.store(body)
        if (step === 'killed POST' && underWay === 1) await Promise.all([kill(), answering.catch(() => undefined)])
        const answer = await answering.finally(() => {
          visitor.keepsCookies = true
        })
        if (step === 'POST') return answer
        throw new TypeError('fetch failed')
      }
      globalThis.fetch = (input, init = {}) => {
        // What the visitor's browser sends is none of the hook's.
        if (init.keepalive === undefined) return original.fetch(input, init)
        underWay += 1
        return arrive(String(init.body)).finally(() => {
          underWay -= 1
        })
      }
      for (const act of waits.splice(0)) act()
      do await new Promise((resolve) => setImmediate(resolve))
      while (underWay > 0)
    }
    for (const step of [...steps, 'POST', 'kill'] as const)
      await (step === 'change' ? choose() : step === 'kill' ? kill() : post(step))
    const read = await visitor.text('/')
    end()
    waits = []
    return [String(chosen), read]
  }

  it.each(STEPS)('loses no change at a restart, whatever comes after a %s', async (first) => {
    const lost: unknown[] = []
    for (const second of STEPS) {
      const steps = ['change', 'POST', 'change', first, second] as const
      const [chosen, read] = await outcome(steps)
      if (read !== chosen) lost.push(`${steps.join(', ')}: ${read} in place of ${chosen}`)
    }
    expect(lost).toEqual([])
  })

  it('loses no change to kills at any moment', async () => {
    const lost: unknown[] = []
    for (let seed = 0; seed < atScale(5, 100); seed += 1) {
      const dice = Dice.of(23, seed)
      const rest = Array.from({ length: 8 }, () => STEPS[dice.below(STEPS.length)] ?? 'kill')
      const steps = ['change', ...rest] as const
      const [chosen, read] = await outcome(steps)
      if (read !== chosen) lost.push(`${seed}: ${steps.join(', ')}: ${read} in place of ${chosen}`)
    }
    expect(lost).toEqual([])
  })
})

describe('the small hook, as visitors come and go', () => {
  const ends: (() => void)[] = []

  beforeEach(() => {
    waits = []
    const { setTimeout: wait } = globalThis
    const hold = (act: () => void, ms: number): unknown =>
      ['post', 'send'].includes(act.name) && ms > 0 ? waits.push(act) : wait(act, ms)
    jest.spyOn(globalThis, 'setTimeout').mockImplementation(hold as never)
    Object.assign(globalThis, { addEventListener: () => undefined, removeEventListener: () => undefined })
  })

  afterEach(() => {
    jest.restoreAllMocks()
    for (const end of ends.splice(0)) end()
    Object.assign(globalThis, original)
  })

  /** Resolves after all that the server has told the page, or when the page has lost its connection. */
  async function echo(io: Socket): Promise<void> {
    if (!io.connected) await new Promise((resolve) => io.once('connect', () => resolve(undefined)))
    await io.emitWithAck('echo').catch(() => undefined)
  }

  /** A browser whose pages have the hook, and connect with the cookie that it has then. */
  async function browse() {
    const app = await startWithUsers({
      routes: async (ctx, next) => (ctx.path === '/static' ? undefined : account(ctx, next)),
    })
    app.io.on('connection', (socket) => {
      socket.on('choose', (division, done) => void socket.liveSession.set('division', division).then(() => done()))
      socket.on('echo', (done) => done())
    })
    const visitor: Visitor = app.visitor()
    const posted: { readonly body: object; readonly answer: object }[] = []
    let underway = 0
    globalThis.fetch = async (input, init = {}) => {
      // What the visitor's browser sends is none of the hook's.
      if (init.keepalive === undefined) return original.fetch(input, init)
      underway += 1
      const answer = await visitor.store(String(init.body))
      posted.push({ body: JSON.parse(String(init.body)), answer: await answer.clone().json() })
      underway -= 1
      return answer
    }
    let connections = 0
    const sockets: Socket[] = []
    const open = async () => {
      const { io } = await visitor.connect()
      sockets.push(io)
      connections += 1
      // As a browser does by itself: it brings the cookie that it has then, and comes back where a connection was lost.
      Object.defineProperty(io.io.opts, 'extraHeaders', {
        get: () => ({ cookie: visitor.cookie, origin: visitor.url }),
      })
      io.io.reconnection(true)
      io.io.reconnectionDelay(1)
      io.io.reconnectionDelayMax(1)
      io.on('connect', () => {
        connections += 1
      })
      ends.push(storeSession(io), () => io.disconnect())
      return {
        io,
        choose: (division: number) => io.emitWithAck('choose', division),
        who: async () => (await io.emitWithAck('live_session:sync', {})).who,
      }
    }
    /** All that is planned, and all that comes of it: tabs that answered each other without end would never settle. */
    const settle = async (): Promise<void> => {
      for (let quiet = 0; quiet < 5; quiet += 1) {
        if (waits.length + underway > 0 || sockets.some(({ connected }) => !connected)) quiet = 0
        expect(posted.length).toBeLessThan(100)
        for (const act of waits.splice(0)) act()
        await Promise.all(sockets.map(echo))
      }
    }
    return { app, visitor, open, posted, settle, connections: () => connections }
  }

  it('brings nothing of a guest after the sign-in, and what the user sets; and nothing of the user after the sign-out', async () => {
    const { visitor, open, posted, settle } = await browse()
    await visitor.store()
    const page = await open()
    await page.who()
    await page.choose(3)
    await visitor.fetch('/login/now?user=ann')
    await settle()
    expect(posted.filter(({ answer }) => 'error' in answer)).toEqual([])
    await page.choose(4)
    await settle()
    expect(posted.at(-1)).toMatchObject({ body: { who: await page.who() }, answer: { kept: true } })
    expect(await values(visitor)).toMatchObject({ division: 4 })
    await page.choose(5)
    await visitor.fetch('/logout/leave')
    await settle()
    expect(await values(visitor)).toMatchObject({ division: -1 })
    await page.choose(6)
    await settle()
    expect(posted.at(-1)).toMatchObject({ body: { who: await page.who() }, answer: { kept: true } })
    expect(posted.filter(({ answer }) => 'error' in answer)).toEqual([])
    expect(await values(visitor)).toMatchObject({ division: 6 })
  })

  it('asks once, and comes back once, in a browser that keeps no cookies', async () => {
    const { visitor, open, posted, settle, connections } = await browse()
    visitor.keepsCookies = false
    const page = await open()
    await settle()
    for (const division of [1, 2, 3]) await page.choose(division)
    await settle()
    expect([posted.map(({ body }) => body), connections()]).toEqual([[{}], 2])
  })

  it('brings what is chosen in each of three tabs that came without a cookie', async () => {
    const { visitor, open, settle } = await browse()
    const pages = await Promise.all([open(), open(), open()])
    await settle()
    for (const [index, page] of pages.entries()) {
      // A tab that came back with an id which the browser has lost since hears of it with its first POST.
      await page.choose(index)
      await settle()
      await page.choose(index + 10)
      await settle()
      const { held } = await (await visitor.store()).json()
      expect(held).toEqual([['division', expect.any(Number)]])
      expect(await values(visitor)).toMatchObject({ division: index + 10 })
    }
    expect(new Set(await Promise.all(pages.map(({ who }) => who()))).size).toBe(1)
  })
})
