import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { idleIntervals } from '../support/idle-intervals.js'
import type { TestSocket } from '../support/socket.js'
import { startWithUsers } from '../support/users.js'

const REFRESH = 60_000
const STEP = REFRESH / 20
const passIntervals = idleIntervals()

/** Two nodes that share a store and nothing else; a socket of ann at the second, which has loaded her that long after it began. */
async function apart(loadedAt: number) {
  const [clock, store] = [testClock(), memoryStore()]
  const given = { clock, options: { store, storeRefresh: REFRESH } as never }
  const [one, two] = [await startWithUsers(given), await startWithUsers(given)]
  /** What became of what handlers of the app have set. */
  const told: unknown[] = []
  two.io.on('connection', (socket) => {
    const { liveSession } = socket
    const tell = (written: Promise<unknown>): unknown =>
      written.then(
        (outcome) => told.push(outcome),
        ({ code }) => told.push(code),
      )
    socket.on('are you there', (answer) => answer('still open'))
    socket.on('set', (value) => tell(liveSession.set('division', value)))
    socket.on('update', (value) => tell(liveSession.update('division', () => value)))
  })
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await passIntervals(ms)
  }
  await pass(loadedAt)
  const ann = two.visitor()
  await ann.fetch('/login/now?user=ann')
  const socket = await ann.connect()
  for (const _ of [1, 2]) await socket.ticket()
  return { one, store, pass, socket, told }
}

/** Whether a socket is there still. */
function outcome(socket: TestSocket): Promise<unknown> {
  return Promise.race([socket.closed.then(() => 'ended'), socket.io.emitWithAck('are you there')])
}

describe('threat 64: a user who is revoked at one node, a socket at another, no adapter', () => {
  it.each([0, 1, REFRESH / 2 - 1, REFRESH / 2, REFRESH / 2 + 1, REFRESH - 1])(
    'ends within storeRefresh: loaded %i ms after its node began, and revoked right then',
    async (loadedAt) => {
      const { one, pass, socket } = await apart(loadedAt)
      await one.live.revoke('ann')
      expect(await outcome(socket)).toBe('still open')
      for (let passed = 0; passed < REFRESH; passed += STEP) await pass(STEP)
      expect(await outcome(socket)).toBe('ended')
    },
  )

  it('is not asked for more often for that: ten times in nine', async () => {
    const { store, pass, socket } = await apart(REFRESH / 2)
    const { load } = store
    let loads = 0
    store.load = (name) => {
      if (name === 'user:s:ann') loads += 1
      return load.call(store, name)
    }
    for (let passed = 0; passed < 9 * REFRESH; passed += STEP) await pass(STEP)
    expect(await outcome(socket)).toBe('still open')
    expect(loads).toBe(10)
  })
})

describe('threat 64: what a socket sets whose user was revoked at another node, no adapter', () => {
  it.each(['set', 'update'])('is refused to a handler of the app at once, as the store knows: %s', async (method) => {
    const { one, socket, told } = await apart(0)
    await one.live.revoke('ann')
    socket.io.emit(method, 9)
    await socket.closed
    expect(told).toEqual(['superseded'])
  })

  it('is never told to its page as saved: the socket ends with the first write', async () => {
    const { one, socket } = await apart(0)
    await one.live.revoke('ann')
    const answer = socket.change('division', 9).catch(() => 'none')
    await socket.closed
    expect(Object(await answer).ok).not.toBe(true)
  })
})
