import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { LiveSessionError, type LiveSessionErrorCode } from 'koa-live-session/client'
import type { appFields } from '../support/app/app.js'
import { fastTime } from '../support/app/fast-time.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'
import { doubleScreen, realScreens, type Screen } from './screen.js'

fastTime(10)

type Live = Screen['live']

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'saved',
    (error) => (error instanceof LiveSessionError ? `${error.code} ${error.key}` : error),
  )
}

const key = fc.constantFrom('division', 'theme', 'cart', 'role', 'nothing')
const value = fc.constantFrom<unknown>(0, 7, 1.5, 'dark', 'light', '', ['a'], [])
const step = fc.oneof(
  fc.record({ does: fc.constant('set' as const), key, value }),
  fc.record({ does: fc.constant('field' as const), key, value }),
  fc.record({ does: fc.constant('setMany' as const), values: fc.dictionary(key, value, { maxKeys: 3 }) }),
  fc.record({ does: fc.constantFrom('update' as const, 'delete' as const), key }),
  fc.record({ does: fc.constant('receive' as const), division: fc.nat(3), role: fc.constantFrom('guest', 'admin') }),
  fc.record({ does: fc.constantFrom('cut' as const, 'mend' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Returns the outcome of each step, and the changes by key, because after an outage socket and POST may reorder keys. */
async function play(screen: Screen, steps: readonly Step[]): Promise<readonly unknown[]> {
  const { live } = screen
  const told = new Map<string, unknown[]>()
  const tell = (name: string, news: unknown): unknown => told.set(name, [...(told.get(name) ?? []), news])
  live.onChange(({ key: name, previous, value: now }) => tell(name, [previous, now]))
  const outcomes: unknown[] = []
  const settled: Promise<unknown>[] = []
  let isOffline = false
  const act = async (one: Step): Promise<unknown> => {
    const name = 'key' in one ? (one.key as 'division') : 'division'
    switch (one.does) {
      case 'set':
        return void settled.push(codeOf(live.set(name, one.value as never)))
      case 'field':
        return live.field(name).set(one.value as never)
      case 'setMany':
        return void settled.push(codeOf(live.setMany(one.values as object)))
      case 'update':
        return void settled.push(codeOf(live.update(name, (now) => now + 1)))
      case 'delete':
        return void settled.push(codeOf(live.delete(name)))
      case 'receive':
        return screen.receive({ division: one.division, role: one.role })
      case 'cut':
        if (!isOffline) screen.offline()
        isOffline = true
        return undefined
      case 'mend':
        if (isOffline) await screen.online()
        isOffline = false
    }
  }
  for (const one of [...steps, { does: 'mend' } as const]) {
    await act(one)
    await live.flush()
    const names = ['division', 'theme', 'cart', 'role', 'nothing'] as const
    outcomes.push(
      names.map((name) => [live.get(name as 'role'), live.has(name as 'role'), live.status(name as 'role')]),
    )
  }
  screen.close()
  return [outcomes, await Promise.all(settled), Object.fromEntries(told)]
}

describe.each([
  ['testClient', async () => doubleScreen],
  ['createLiveSession', realScreens],
])('%s', (_, screens) => {
  let open: typeof doubleScreen
  let screen: Screen
  let live: Live
  let told: unknown[]
  beforeEach(async () => {
    open = await screens()
    screen = await open()
    live = screen.live
    told = []
    live.onChange(({ key, value, previous, source }) => told.push([key, previous, value, source]))
    live.onStatus((key, { status, reason }) => told.push(reason ? [key, status, reason] : [key, status]))
  })

  it('starts with its first values, saved, and the defaults', async () => {
    expect([live.get('division'), live.get('theme'), live.get('cart')]).toEqual([3, 'light', []])
    expect([live.has('division'), live.has('theme')]).toEqual([true, false])
    expect([live.status('division').status, live.status('theme').status, live.status().status]).toEqual([
      'saved',
      'default',
      'saved',
    ])
    await live.ready
  })

  it('shows a change immediately, and saves it', async () => {
    const saved = live.set('division', 4)
    expect([live.get('division'), live.status('division').status, screen.sent]).toEqual([
      4,
      'saving',
      [['division', 4]],
    ])
    await saved
    expect(live.status('division')).toEqual({ status: 'saved' })
    expect(told).toEqual([
      ['division', 3, 4, 'request'],
      ['division', 'saving'],
      ['division', 'saved'],
    ])
  })

  it('returns frozen values, and the same object while equal', async () => {
    await live.set('cart', ['a'])
    const cart = live.get('cart')
    await live.set('cart', ['a'])
    expect([Object.isFrozen(cart), live.get('cart') === cart]).toEqual([true, true])
  })

  it.each<[string, keyof typeof appFields, unknown, LiveSessionErrorCode, logged: number]>([
    ['has another type', 'division', 1.5, 'invalid_value', 0],
    ['is too large', 'cart', ['x'.repeat(9000)], 'too_large', 0],
    ['is read-only', 'role', 'admin', 'not_writable', 1],
    ['is hidden', 'secret', 'x', 'undeclared_key', 1],
    ['is not declared', 'nothing' as never, 'x', 'undeclared_key', 1],
  ])('rolls back a value that %s', async (_, key, value, code, logged) => {
    const log = jest.spyOn(console, 'error').mockReturnValue()
    const before = live.get(key as 'division')
    const saved = live.set(key as 'division', value as never)
    expect(live.get(key as 'division')).toEqual(value)
    expect(await codeOf(saved)).toBe(`${code} ${key}`)
    expect([live.get(key as 'division'), live.status(key as 'division')]).toEqual([
      before,
      { status: 'rejected', reason: code },
    ])
    expect(told).toEqual([
      [key, before, value, 'request'],
      [key, 'saving'],
      [key, value, before, 'socket'],
      [key, 'rejected', code],
    ])
    expect(log.mock.calls).toHaveLength(logged)
  })

  it('rejects a value that is not JSON, without showing it', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    expect(await codeOf(live.set('division', Number.NaN))).toBe('invalid_value division')
    expect([live.get('division'), told, screen.sent]).toEqual([3, [], []])
  })

  it('sends the first and last of several changes, and saves all', async () => {
    await Promise.all([4, 5, 6].map((division) => live.set('division', division)))
    expect([live.get('division'), screen.sent]).toEqual([
      6,
      [
        ['division', 4],
        ['division', 6],
      ],
    ])
  })

  it('updates in sequence, and rejects with thrown errors', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    const increment = (division: number): number => division + 1
    await Promise.all([live.update('division', increment), live.update('division', increment)])
    expect([live.get('division'), live.status('division').status]).toEqual([5, 'saved'])
    const mistake = new RangeError('no')
    const update = live.update('division', () => {
      throw mistake
    })
    await expect(update).rejects.toBe(mistake)
    expect(live.get('division')).toBe(5)
  })

  it('rejects a setMany as a whole', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    expect(await codeOf(live.setMany({ theme: 'dark', division: 1.5 }))).toBe('invalid_value theme, division')
    expect([live.get('division'), live.get('theme'), live.status('theme').reason]).toEqual([
      3,
      'light',
      'invalid_value',
    ])
    told.length = 0
    const sent = screen.sent.length
    expect(await codeOf(live.setMany({ theme: 'dark', division: Number.NaN }))).toBe('invalid_value division')
    expect([live.get('theme'), told, screen.sent.length]).toEqual(['light', [], sent])
    expect(await codeOf(live.setMany({}))).toBe('malformed ')
  })

  it('rejects changes made inside an update function', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    let set: Promise<void> | undefined
    await live.update('division', (division) => {
      set = live.set('theme', 'dark')
      return division
    })
    await expect(set).rejects.toThrow('the function must only return a value, and change nothing')
    expect(live.get('theme')).toBe('light')
  })

  it('shows a remote change, and saves it', async () => {
    await screen.receive({ division: 9 })
    expect(live.get('division')).toBe(9)
    await live.flush()
    expect(told).toEqual([
      ['division', 3, 9, 'ticket'],
      ['division', 'saving'],
      ['division', 'saved'],
    ])
  })

  it('calls subscribers immediately and after each change', async () => {
    const seen: unknown[] = []
    const end = live.subscribe('division', (division) => seen.push(division))
    const endField = live.field('division').subscribe((division) => seen.push(`field ${division}`))
    await live.set('division', 4)
    endField()
    await screen.receive({ division: 5 })
    end()
    live.field('division').update((division) => division + 1)
    await live.flush()
    expect([seen, live.get('division')]).toEqual([[3, 'field 3', 4, 'field 4', 5], 6])
  })

  it('reports a change before a listener’s reaction to it', async () => {
    const seen: unknown[] = []
    live.onChange(({ key }) => key === 'division' && void live.set('theme', 'dark'))
    live.onChange(({ key, value }) => seen.push([key, value]))
    await live.set('division', 4)
    expect(seen).toEqual([
      ['division', 4],
      ['theme', 'dark'],
    ])
  })

  it('rebases an offline update onto a newer remote value', async () => {
    screen.offline()
    const saved = live.update('division', (division) => division + 1)
    await live.flush()
    await screen.receive({ division: 50 })
    await screen.online()
    await saved
    expect([live.get('division'), live.status('division').status]).toEqual([51, 'saved'])
  })

  it('rejects an offline set as superseded by a newer remote value', async () => {
    screen.offline()
    const saved = live.set('division', 4)
    await live.flush()
    await screen.receive({ division: 50 })
    await screen.online()
    expect(await codeOf(saved)).toBe('superseded division')
    expect([live.get('division'), live.status('division').status]).toEqual([50, 'rejected'])
  })

  it('keeps showing values that a browser without cookies cannot save', async () => {
    const { live } = await open(false)
    expect(await codeOf(live.set('division', 4))).toBe('cookies_blocked division')
    expect([live.get('division'), live.status()]).toEqual([4, { status: 'rejected', reason: 'cookies_blocked' }])
    expect(await codeOf(live.setMany({ division: 4, theme: 'dark' }))).toBe('cookies_blocked division, theme')
  })

  it('calls no listener after close()', async () => {
    live.close()
    void live.set('division', 4)
    expect([live.get('division'), told]).toEqual([3, []])
  })
})

it('testClient and createLiveSession behave alike in any sequence of steps', async () => {
  jest.spyOn(console, 'error').mockReturnValue()
  const open = await realScreens()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      expect(await play(await doubleScreen(), steps)).toEqual(await play(await open(), steps))
    }),
    { numRuns: atScale(8, 15) },
  )
})
