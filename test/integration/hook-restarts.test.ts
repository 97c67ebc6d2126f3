import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { storeSession } from 'koa-live-session/hook'
import { testClock } from 'koa-live-session/testing'
import { Dice } from '../fuzz/dice.js'
import { App } from '../support/app.js'
import { atScale } from '../support/scale.js'

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
