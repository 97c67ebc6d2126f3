import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import type { AppSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import * as node from 'koa-live-session/testing'
import { memoryAppSession, memorySession, memoryStore, storeContract, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import * as browser from '../../testing/browser.js'
import * as nodeOnly from '../../testing/node-only.js'
import { appFields } from '../support/app/app.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'
import { DAY } from '../support/app/times.js'
import { doubleHandler, type Handler, realHandlers } from './handler.js'

/** Returns the outcome of a promise, without its stamp. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => (typeof value === 'object' && value !== null ? { ...value, stamp: 0 } : value),
    ({ name, code, key, message }) => ({ name, code, key, message }),
  )
}

const key = fc.constantFrom('division', 'theme', 'cart', 'role', 'secret', 'nothing')
const value = fc.constantFrom<unknown>(0, 7, -0, 1.5, 'dark', 'light', 'guest', '', ['a'], [], null, undefined)
const step = fc.oneof(
  fc.record({ does: fc.constantFrom('set' as const, 'request' as const), key, value }),
  fc.record({ does: fc.constant('setMany' as const), values: fc.dictionary(key, value, { maxKeys: 3 }) }),
  fc.record({ does: fc.constantFrom('update' as const, 'delete' as const), key }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** Excludes refused requests, which never reach the session, and -0, which arrives as 0. */
function isSettable({ key: name, value: given }: { readonly key: string; readonly value: unknown }): boolean {
  return name in appFields && appFields[name as 'role'].schema.safeParse(given).success && !Object.is(given, -0)
}

async function play({ session, request }: Handler, steps: readonly Step[]): Promise<readonly unknown[]> {
  const told: unknown[] = []
  session.onChange((change) => told.push(change))
  session.subscribe('division', (division) => told.push(division))
  const act = (step: Step): Promise<unknown> => {
    switch (step.does) {
      case 'set':
        return session.set(step.key as 'cart', step.value as never)
      case 'setMany':
        return session.setMany(step.values as object)
      case 'update':
        return session.update(step.key as 'division', (division) => division + 1)
      case 'delete':
        return session.delete(step.key as 'division')
      case 'request':
        return isSettable(step) ? request(step.key as 'cart', step.value) : Promise.resolve()
    }
  }
  const outcomes: unknown[] = []
  for (const step of steps) {
    outcomes.push(await outcomeOf(act(step)))
    outcomes.push(Object.keys(appFields).map((name) => [session.get(name as 'role'), session.has(name as 'role')]))
  }
  return [outcomes, told]
}

describe.each([
  ['memorySession', async () => doubleHandler],
  ['socket.liveSession', realHandlers],
])('%s', (_, handlers) => {
  let handler: Handler
  beforeEach(async () => {
    const open = await handlers()
    handler = await open()
  })

  it('starts with its values and the defaults, as a guest', () => {
    const { session } = handler
    expect([session.get('division'), session.get('theme'), session.has('division'), session.has('theme')]).toEqual([
      3,
      'light',
      true,
      false,
    ])
    expect([session.userId, session.visitorId]).toEqual([undefined, expect.stringMatching(/^[\w-]{43}$/)])
  })

  it('shows a write immediately, and resolves with its stamp and level', async () => {
    const { session } = handler
    const written = session.set('division', 4)
    expect(session.get('division')).toBe(4)
    expect(await written).toEqual({ stamp: expect.any(Number), level: 'memory' })
    expect((await session.set('division', 5)).stamp).toBeGreaterThan((await written).stamp)
  })

  it.each<[string, (session: Handler['session']) => Promise<unknown>, object]>([
    ['a value of another type', (session) => session.set('division', 1.5), { code: 'invalid_value', key: 'division' }],
    ['a Date', (session) => session.set('cart', [new Date()] as never), { code: 'invalid_value' }],
    ['a value over its size', (session) => session.set('cart', ['x'.repeat(9000)]), { code: 'too_large' }],
    ['an undeclared key', (session) => session.set('nothing' as never, 1 as never), { code: 'undeclared_key' }],
    ['a promise as a value', (session) => session.set('division', Promise.resolve(1) as never), { name: 'TypeError' }],
    ['an empty setMany', (session) => session.setMany({}), { code: 'malformed' }],
    ['a long flash', (session) => session.flash('x'.repeat(2000)), { code: 'too_large' }],
    ['a hand-off to another host', (session) => session.handOff('a', {}, { to: '//elsewhere' }), { code: 'malformed' }],
    [
      'a hand-off of a Date',
      (session) => session.handOff('a', new Date() as never, { to: '/' }),
      { code: 'invalid_value' },
    ],
  ])('rejects %s', async (_, act, refusal) => {
    const before = handler.session.get('division')
    await expect(act(handler.session)).rejects.toMatchObject(refusal)
    expect(handler.session.get('division')).toBe(before)
  })

  it('throws for an undeclared key, with a suggestion', () => {
    const log = jest.spyOn(console, 'warn').mockReturnValue()
    expect(() => handler.session.get('devision' as never)).toThrow(
      'koa-live-session: get("devision"): not declared. Declared: division, theme, cart, role. Did you mean "division"?',
    )
    expect(log.mock.calls.join()).toContain('Declared: division, theme, cart, role, secret.')
    log.mockRestore()
  })

  it('rejects with errors thrown by an update', async () => {
    const mistake = new RangeError('no')
    const update = handler.session.update('division', () => {
      throw mistake
    })
    await expect(update).rejects.toBe(mistake)
  })

  it('reports its own changes and those of requests', async () => {
    const { session, request } = handler
    const seen: unknown[] = []
    const endAll = session.onChange((change) => seen.push(change))
    const end = session.subscribe('division', (division) => seen.push(division))
    await session.set('division', 4)
    await request('division', 5)
    end()
    await session.set('division', 6)
    endAll()
    await session.set('division', 7)
    expect(seen).toEqual([
      3,
      { key: 'division', value: 4, previous: 3, source: 'socket' },
      4,
      { key: 'division', value: 5, previous: 4, source: 'request' },
      5,
      { key: 'division', value: 6, previous: 5, source: 'socket' },
    ])
  })

  it('accepts hand-offs and flashes', async () => {
    const { session } = handler
    await session.handOff('sign-in', { user: 'ann' }, { to: '/sign-in' })
    await session.flash('Saved.')
  })

  it('returns frozen values, and inspects each key', async () => {
    const { session } = handler
    await session.set('cart', ['a'])
    expect(Object.isFrozen(session.get('cart'))).toBe(true)
    await session.set('division', 4)
    expect(session.inspect().get('division')).toMatchObject({
      value: 4,
      places: ['cache'],
      bytes: 43,
      source: 'socket',
    })
  })
})

it('memorySession and socket.liveSession behave alike in any sequence of steps', async () => {
  const open = await realHandlers()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      expect(await play(await doubleHandler(), steps)).toEqual(await play(await open(), steps))
    }),
    { numRuns: atScale(10, 30) },
  )
})

describe('memorySession', () => {
  it('can be a user’s session', () => {
    const session = memorySession(appFields, {}, { userId: 'ann' })
    expect([session.userId, session.visitorId]).toEqual(['ann', 'LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s'])
    expect(() => memorySession(appFields, {}, { userId: '' })).toThrow(TypeError)
  })

  it('shares nothing with another session', async () => {
    const [one, other] = [memorySession(appFields), memorySession(appFields)]
    await one.set('division', 4)
    expect([other.get('division'), other.visitorId === one.visitorId]).toEqual([-1, false])
  })

  it('accepts fields of an app with a larger cookieBudget', async () => {
    const sized = (maxBytes: number) => defineFields({ note: { schema: z.string(), default: '', maxBytes } })
    const session = memorySession(sized(2500))
    await session.set('note', 'x'.repeat(1800))
    expect(session.get('note')).toHaveLength(1800)
    expect(() => memorySession(sized(5000))).toThrow('maxBytes add up to 5,000')
  })

  it('reports a remote change with its source', () => {
    const session = memorySession(appFields)
    const sources: string[] = []
    session.onChange(({ source }) => sources.push(source))
    session.change('division', 1)
    session.change('division', 2, 'job')
    expect(sources).toEqual(['request', 'job'])
  })

  it.each([
    ['an invalid first value', 'set("division")', () => memorySession(appFields, { division: 1.5 })],
    ['an invalid remote value', 'set("division")', () => memorySession(appFields).change('division', 1.5)],
    ['an undeclared key', 'memorySession: "no" is not declared', () => memorySession(appFields, { no: 1 } as never)],
    [
      'an undeclared change',
      'change: "no" is not declared',
      () => memorySession(appFields).change('no' as never, 1 as never),
    ],
  ])('throws for %s', (_, message, mistake) => {
    expect(mistake).toThrow(`koa-live-session: ${message}`)
  })

  it('expires values by a mocked clock', () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000)
    const fields = defineFields({ code: { schema: z.string(), default: '', maxAge: 1000 } })
    const session = memorySession(fields, { code: 'x' })
    expect(session.get('code')).toBe('x')
    now.mockReturnValue(1_001_000)
    expect(session.get('code')).toBe('')
    now.mockRestore()
  })

  it('lets a spy watch hand-offs', async () => {
    const session = memorySession(appFields)
    const handOff = jest.spyOn(session, 'handOff')
    await session.handOff('sign-in', { user: 'ann' }, { to: '/sign-in' })
    expect(handOff.mock.calls).toEqual([['sign-in', { user: 'ann' }, { to: '/sign-in' }]])
  })
})

interface Shop {
  userId?: string
  cart?: readonly string[]
}

/** A socket handler of an app. */
async function add(socket: { readonly session: AppSession<Shop> }, item: string): Promise<void> {
  await socket.session.update('cart', (cart = []) => [...cart, item])
}

describe('memoryAppSession()', () => {
  it('runs a socket handler without a server', async () => {
    const session = memoryAppSession<Shop>({ userId: 'ann' })
    const seen: unknown[] = []
    session.subscribe('cart', (cart) => void seen.push(cart))
    await add({ session }, 'tea')
    await add({ session }, 'milk')
    expect(session.values()).toEqual({ userId: 'ann', cart: ['tea', 'milk'] })
    expect(seen).toEqual([undefined, ['tea'], ['tea', 'milk']])
  })

  it('shows changes of a request to listeners', () => {
    const session = memoryAppSession<Shop>({ cart: ['tea'] })
    const changes: unknown[] = []
    session.onChange((change) => void changes.push(change))
    session.change('cart', undefined)
    expect(changes).toEqual([{ key: 'cart', value: undefined, previous: ['tea'], source: 'request' }])
    expect(session.get('cart')).toBeUndefined()
  })

  it('ends as after a sign-out', async () => {
    const session = memoryAppSession<Shop>({ userId: 'ann' })
    const ends: unknown[] = []
    session.onEnd((end) => void ends.push(end))
    session.end()
    expect([session.ended, session.values(), ends]).toEqual(['destroyed', {}, ['destroyed']])
    await expect(session.set('userId', 'bob')).rejects.toMatchObject({ code: 'superseded' })
  })

  it.each([
    ['a bigint', { cart: 1n }, 'invalid_value'],
    ['300 keys', Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i])), 'too_large'],
  ])('refuses %s, as a socket does', (_, given, code) => {
    expect(() => memoryAppSession(given as never)).toThrow(expect.objectContaining({ code }))
    const session = memoryAppSession<Record<string, unknown>>()
    expect(() => {
      for (const [key, value] of Object.entries(given)) session.change(key, value as never)
    }).toThrow(expect.objectContaining({ code }))
  })
})

describe('memoryStore', () => {
  const shared = memoryStore()
  for (const { name, run } of storeContract(async () => shared)) it(name, run)

  it('sweeps guests sooner than users, and never later', async () => {
    const clock = testClock()
    const store = memoryStore(clock.now)
    for (const subject of ['browser:b', 'user:s:ann']) await store.merge(subject, [{ key: 'a', stamp: 1 }])
    clock.advance(1000)
    expect(await store.sweep(clock.now() - 2000, { guests: clock.now() })).toBe(1)
    expect([await store.load('browser:b'), await store.load('user:s:ann')]).toMatchObject([[], [{ key: 'a' }]])
    await store.merge('browser:b', [{ key: 'a', stamp: 1 }])
    clock.advance(1000)
    expect(await store.sweep(clock.now(), { guests: clock.now() - 5000 })).toBe(2)
  })

  it('fails a given number of calls, without writing', async () => {
    const store = memoryStore()
    store.fail()
    await expect(store.merge('s', [{ key: 'a', stamp: 1 }])).rejects.toThrow('memoryStore: fails, as it was told to')
    expect(await store.load('s')).toEqual([])
    store.fail(2)
    await expect(store.load('s')).rejects.toThrow()
    await expect(store.compareAndSet('s', { key: 'a', stamp: 1 }, 0)).rejects.toThrow()
    expect(await store.load('s')).toEqual([])
    store.fail(Number.POSITIVE_INFINITY)
    for (let turn = 0; turn < 5; turn += 1) await expect(store.sweep(0)).rejects.toThrow()
    store.fail(0)
    expect(await store.sweep(0)).toBe(0)
  })

  it('delays a call without holding up a later call', async () => {
    const store = memoryStore()
    const order: string[] = []
    store.delay(20)
    const slow = store.merge('s', [{ key: 'a', stamp: 1 }]).then(() => order.push('slow'))
    store.delay(0)
    await store.load('s').then((registers) => order.push(`fast, ${registers.length} there`))
    await slow
    expect(order).toEqual(['fast, 0 there', 'slow'])
    expect(await store.load('s')).toHaveLength(1)
  })

  it('sweeps by its given clock', async () => {
    const clock = testClock()
    const store = memoryStore(clock.now)
    await store.merge('old', [{ key: 'a', stamp: 1 }])
    await store.merge('read', [{ key: 'a', stamp: 1 }])
    clock.advance(100 * DAY)
    await store.load('read')
    expect(await store.sweep(clock.now())).toBe(1)
    expect([await store.load('old'), await store.load('read')]).toEqual([[], [{ key: 'a', stamp: 1 }]])
  })
})

async function bundle(entry: string, options: BuildOptions): Promise<Metafile> {
  const common: BuildOptions = { bundle: true, write: false, format: 'esm', logLevel: 'silent' }
  const { metafile } = await build({ ...common, ...options, entryPoints: [entry], metafile: true })
  return metafile
}

describe('koa-live-session/testing', () => {
  it('exports the same names in browsers and Node', () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort())
  })

  it('has an entry for browsers in package.json', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(Object.entries(exports['./testing'])).toEqual([
      ['types', './dist/testing/index.d.ts'],
      ['browser', './dist/testing/browser.js'],
      ['default', './dist/testing/index.js'],
    ])
  })

  it('imports neither Node nor packages in a browser', async () => {
    const { inputs, outputs } = await bundle('testing/browser.ts', { platform: 'browser' })
    expect(Object.values(outputs).flatMap(({ imports }) => imports)).toEqual([])
    expect(
      Object.keys(inputs).filter((file) => !/^(client|shared|testing|server\/(exchange|store|types))\//.test(file)),
    ).toEqual([])
    await expect(bundle('testing/index.ts', { platform: 'browser' })).rejects.toThrow('Could not resolve')
  })

  it.each(Object.entries(nodeOnly))('explains that %s needs Node', (name, call) => {
    expect(call).toThrow(`koa-live-session: ${name}: expected Node, received the build for browsers`)
  })

  it.each([
    ['testing/index.ts', 'node'],
    ['testing/browser.ts', 'browser'],
  ] as const)('imports no test runner in %s', async (entry, platform) => {
    const { inputs } = await bundle(entry, { platform, packages: 'external' })
    const imports = Object.values(inputs).flatMap((input) => input.imports.map(({ path }) => path))
    expect(imports.filter((path) => /jest|vitest|mocha|node:test|chai/.test(path))).toEqual([])
  })
})
