import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { storeSession } from 'koa-live-session/hook'
import { testClock } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { bareSocket } from '../support/bare-socket.js'

const original = { fetch: globalThis.fetch }
/** What the hook waits for: it passes when the test says so. */
let waits: (() => void)[] = []
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

/** A change; a kill of the server, and a start; a POST of the hook that arrives, that does not, or whose answer does not. */
const STEPS = ['change', 'kill', 'POST', 'lost POST', 'unanswered POST'] as const
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
    const greeted = new Promise((resolve) => io.once('store_session', resolve))
    Object.assign(io.io.opts, { extraHeaders: { cookie: visitor.cookie, origin: visitor.url } })
    io.disconnect().connect()
    await greeted
  }
  const post = async (step: Step): Promise<void> => {
    let isUnderWay = false
    globalThis.fetch = async (input, init = {}) => {
      // What the visitor's browser sends is none of the hook's.
      if (init.keepalive === undefined) return original.fetch(input, init)
      isUnderWay = true
      if (step === 'lost POST') throw new TypeError('fetch failed')
      visitor.keepsCookies = step === 'POST'
      const answer = await visitor.store(String(init.body))
      visitor.keepsCookies = true
      if (step === 'POST') return answer
      throw new TypeError('fetch failed')
    }
    for (const act of waits.splice(0)) act()
    // After each it waits for the next.
    while (isUnderWay && waits.length === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  for (const step of [...steps, 'POST', 'kill'] as const)
    await (step === 'change' ? choose() : step === 'kill' ? kill() : post(step))
  const read = await visitor.text('/')
  end()
  waits = []
  return [String(chosen), read]
}

describe('the small hook', () => {
  it('loses no change at a restart, whatever comes before and after it', async () => {
    const lost: unknown[] = []
    for (const first of STEPS)
      for (const second of STEPS) {
        const steps = ['change', 'POST', 'change', first, second] as const
        const [chosen, read] = await outcome(steps)
        if (read !== chosen) lost.push(`${steps.join(', ')}: ${read} in place of ${chosen}`)
      }
    expect(lost).toEqual([])
  })

  it('brings what another visitor is greeted with, though the one before has changed it later', async () => {
    const { socket, hear, bodies } = bareSocket()
    const end = storeSession(socket)
    hear({ sub: 'guest', browser: 'guest', defaults: {} })
    const tickets = [
      hear({ sub: 'guest', changes: [['division', 20, 3]] }),
      hear({ sub: 'ann', browser: 'b', defaults: {}, changes: [['division', 10, 5]] }),
    ]
    for (const act of waits.splice(0)) act()
    end()
    expect(bodies).toEqual([{ tickets }])
  })
})
