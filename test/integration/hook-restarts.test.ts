import { describe, expect, it } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import type { Socket } from 'socket.io-client'
import { Dice } from '../fuzz/dice.js'
import { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { once } from '../support/app/awaited.js'
import { startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'
import { hookPage } from './hook-page.js'

const { begin, intercept, isWaiting, passTime } = hookPage()

describe('the small hook, with server crashes', () => {
  /** A change; a kill with a restart; a POST that succeeds, is lost, gets no answer, or runs into a kill. */
  const STEPS = ['change', 'kill', 'POST', 'lost POST', 'unanswered POST', 'killed POST'] as const

  type Step = (typeof STEPS)[number]

  /** Returns the last choice, and the server's final value from the cookie. */
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
    const end = begin(io)
    await io.emitWithAck('live_session:exchange', {})
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
      const back = once(io, 'connect')
      Object.assign(io.io.opts, { extraHeaders: { cookie: visitor.cookie, origin: visitor.url } })
      io.disconnect().connect()
      await back
      await io.emitWithAck('live_session:exchange', {})
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
      intercept((init) => {
        underWay += 1
        return arrive(String(init.body)).finally(() => {
          underWay -= 1
        })
      })
      passTime()
      do await new Promise((resolve) => setImmediate(resolve))
      while (underWay > 0)
    }
    for (const step of [...steps, 'POST', 'kill'] as const)
      await (step === 'change' ? choose() : step === 'kill' ? kill() : post(step))
    const read = await visitor.text('/')
    end()
    intercept(async () => Response.json({}))
    passTime()
    return [String(chosen), read]
  }

  /** Returns the histories whose final value is not the last choice. */
  async function losses(histories: readonly (readonly Step[])[]): Promise<readonly string[]> {
    const lost: string[] = []
    for (const steps of histories) {
      const [chosen, read] = await outcome(steps)
      if (read !== chosen) lost.push(`${steps.join(', ')}: ${read} in place of ${chosen}`)
    }
    return lost
  }

  it.each(STEPS)('loses no change after a %s and any other step', async (first) => {
    expect(await losses(STEPS.map((second) => ['change', 'POST', 'change', first, second]))).toEqual([])
  })

  it('loses no change in random histories', async () => {
    const histories = Array.from({ length: 100 }, (_, seed) => {
      const dice = Dice.of(23, seed)
      return ['change' as const, ...dice.times(8, () => dice.pick(STEPS))]
    })
    expect(await losses(histories)).toEqual([])
  })
})

describe('the small hook, when the visitor changes', () => {
  /** Resolves after all sent messages, or when the connection is lost. */
  async function echo(io: Socket): Promise<void> {
    if (!io.connected) await once(io, 'connect')
    await io.emitWithAck('echo').catch(() => undefined)
  }

  /** A browser whose pages have the hook. */
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
    intercept(async ({ body }) => {
      underway += 1
      const answer = await visitor.store(String(body))
      posted.push({ body: JSON.parse(String(body)), answer: await answer.clone().json() })
      underway -= 1
      return answer
    })
    const sockets: Socket[] = []
    const open = async () => {
      const { io } = await visitor.connect()
      sockets.push(io)
      // As in a browser, the socket reconnects by itself with the current cookie.
      Object.defineProperty(io.io.opts, 'extraHeaders', {
        get: () => ({ cookie: visitor.cookie, origin: visitor.url }),
      })
      io.io.reconnection(true)
      io.io.reconnectionDelay(1)
      io.io.reconnectionDelayMax(1)
      begin(io)
      return {
        choose: (division: number) => io.emitWithAck('choose', division),
        who: async () => (await io.emitWithAck('live_session:exchange', {})).who,
      }
    }
    /** Resolves when nothing is planned or in flight; fails if tabs answer each other without end. */
    const settle = async (): Promise<void> => {
      for (let quiet = 0; quiet < 5; quiet += 1) {
        if (isWaiting() || underway > 0 || sockets.some(({ connected }) => !connected)) quiet = 0
        expect(posted.length).toBeLessThan(100)
        passTime()
        await Promise.all(sockets.map(echo))
      }
    }
    return { visitor, open, posted, settle }
  }

  it('saves changes for their own visitor only', async () => {
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
    expect(posted.at(-1)).toMatchObject({ body: { who: await page.who() }, answer: { hasCookie: true } })
    expect(await values(visitor)).toMatchObject({ division: 4 })
    await page.choose(5)
    await visitor.fetch('/logout/leave')
    await settle()
    expect(await values(visitor)).toMatchObject({ division: -1 })
    await page.choose(6)
    await settle()
    expect(posted.at(-1)).toMatchObject({ body: { who: await page.who() }, answer: { hasCookie: true } })
    expect(posted.filter(({ answer }) => 'error' in answer)).toEqual([])
    expect(await values(visitor)).toMatchObject({ division: 6 })
  })
})
