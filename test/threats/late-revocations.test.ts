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
  two.io.on('connection', (socket) => socket.on('are you there', (answer) => answer('still open')))
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await passIntervals(ms)
  }
  await pass(loadedAt)
  const ann = two.visitor()
  await ann.fetch('/login/now?user=ann')
  const socket = await ann.connect()
  for (const _ of [1, 2]) await socket.ticket()
  return { one, store, pass, ann, socket }
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
