import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { memorySession } from 'koa-live-session/testing'
import { z } from 'zod'
import { appFields } from '../support/app/app.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'
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
