import { describe, expect, it, jest } from '@jest/globals'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { SigningKeys } from '../../server/kernel/names/keys.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'
import { slowness, stopwatch } from '../support/cpu-time.js'

const keys = ['a secret of at least thirty-two bytes', 'a retired secret of at least thirty-two bytes']

/** ms of CPU time. */
const MOST = 5 * slowness()

const start = (options: object = {}) =>
  App.start({
    keys,
    options: options as never,
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })

/** Counts the texts that are verified from now on. */
function countVerified(): () => number {
  const spies = [jest.spyOn(SigningKeys.prototype, 'find'), jest.spyOn(SigningKeys.prototype, 'index')]
  const count = (): number => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
  const before = count()
  return () => count() - before
}

/** As much of a header of so many bytes as parts of a kind fill. */
function fill(bytes: number, part: (index: number) => string): string {
  const { length } = `${part(1000)}; `
  return Array.from({ length: Math.floor(bytes / length) }, (_, index) => part(1000 + index)).join('; ')
}
const text = (index: number): string => `live=${`${index}`.padEnd(80, 'A')}`
const signature = (index: number): string => `live.sig=${`${index}`.padEnd(43, 'B')}`
const pair = (index: number): string => `${text(index)}; ${signature(index)}`

describe('threat 83: a Cookie header full of pairs named like ours', () => {
  it.each([
    ['without a store', () => ({})],
    ['with a store', () => ({ store: memoryStore() })],
  ])('is read once a request, and the good one counts: %s', async (_, options) => {
    const app = await start(options())
    const own = cookieFor(app.live, { values: { division: 5 } })
    const header = `${fill(14_000, pair)}; ${own}`
    const verified = countVerified()
    const answer = await fetch(app.url, { headers: { cookie: header } })
    expect(await answer.text()).toBe('5')
    // One look at each text, and another at the good one's content.
    expect(verified()).toBeLessThanOrEqual(header.split('live=').length)
  })

  it.each([
    ['15 kB of pairs', 15_000, pair],
    ['60 kB of pairs', 60_000, pair],
    ['60 kB of texts', 60_000, text],
    ['60 kB of signatures', 60_000, signature],
    ['60 kB of names without a value', 60_000, () => 'live='],
    ['60 kB of names that end like ours', 60_000, () => 'is_live='],
    ['60 kB of spaces', 60_000, () => `${' '.repeat(400)}x live=`],
  ])('takes 5 ms at most: %s', async (_, bytes, part) => {
    const app = await start()
    const own = cookieFor(app.live, { values: { division: 5 } })
    const cookie = `${fill(bytes, part)}; ${own}`
    const read = () => coreOf(app.live).cookie.read({ headers: { cookie } })
    const verified = countVerified()
    expect(read()).toMatchObject({ browser: expect.any(String) })
    expect(verified()).toBeLessThanOrEqual(181)
    const took = stopwatch()
    const times = Array.from({ length: 5 }, () => {
      read()
      return took()
    })
    expect(Math.min(...times)).toBeLessThanOrEqual(MOST)
  })
})

describe('a cookie whose name ends like ours', () => {
  it.each(['is_live=1; OWN', 'OWN; is_live=1', 'other=live=1; OWN', 'OWN; my.live.sig=x', 'x live=1;  OWN'])(
    'costs no verification once the good one is known: %s',
    async (header) => {
      const app = await start()
      const cookie = header.replace('OWN', cookieFor(app.live, { values: { division: 5 } }))
      const ask = async () => (await fetch(app.url, { headers: { cookie } })).text()
      expect(await ask()).toBe('5')
      const verified = countVerified()
      expect([await ask(), verified()]).toEqual(['5', 0])
    },
  )
})
