import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { memorySession } from 'koa-live-session/testing'
import { z } from 'zod'
import { appFields } from '../support/app/app.js'
import { doubleHandler, type Handler, realHandlers } from '../support/app/handler.js'

describe.each([
  ['memorySession', async () => doubleHandler],
  ['socket.liveSession', realHandlers],
])('%s', (_, handlers) => {
  let handler: Handler
  beforeEach(async () => {
    const open = await handlers()
    handler = await open()
  })

  it('has the values that it began with, and the defaults of the others', () => {
    const { session } = handler
    expect([session.get('division'), session.get('theme'), session.get('secret')]).toEqual([3, 'light', ''])
    expect([session.has('division'), session.has('theme')]).toEqual([true, false])
  })

  it('shows what is set on the next line, and says that it is in memory', async () => {
    const { session } = handler
    const written = session.set('division', 4)
    expect(session.get('division')).toBe(4)
    expect(await written).toEqual({ stamp: expect.any(Number), level: 'memory' })
    expect((await session.set('division', 5)).stamp).toBeGreaterThan((await written).stamp)
  })

  it('gives values that cannot be changed', async () => {
    const { session } = handler
    await session.set('cart', ['a'])
    expect(Object.isFrozen(session.get('cart'))).toBe(true)
  })

  it.each<[string, (session: Handler['session']) => Promise<unknown>, object]>([
    [
      'a value that the schema refuses',
      (session) => session.set('division', 1.5),
      { code: 'invalid_value', key: 'division' },
    ],
    ['a value that is no JSON', (session) => session.set('cart', [new Date()] as never), { code: 'invalid_value' }],
    ['a value that is too large', (session) => session.set('cart', ['x'.repeat(9000)]), { code: 'too_large' }],
    [
      'a key that is not declared',
      (session) => session.set('nothing' as never, 1 as never),
      { code: 'undeclared_key' },
    ],
    ['a promise as a value', (session) => session.set('division', Promise.resolve(1) as never), { name: 'TypeError' }],
    ['no values', (session) => session.setMany({}), { code: 'malformed' }],
    ['a message of flash that is too large', (session) => session.flash('x'.repeat(2000)), { code: 'too_large' }],
    [
      'a target of a hand-off that is elsewhere',
      (session) => session.handOff('sign-in', {}, { to: '//elsewhere' }),
      { code: 'malformed' },
    ],
    [
      'a payload that is no JSON',
      (session) => session.handOff('sign-in', new Date() as never, { to: '/' }),
      { code: 'invalid_value' },
    ],
  ])('refuses %s', async (_, act, refusal) => {
    const before = handler.session.get('division')
    await expect(act(handler.session)).rejects.toMatchObject(refusal)
    expect(handler.session.get('division')).toBe(before)
  })

  it('throws for a key that is not declared, where it is read', () => {
    const log = jest.spyOn(console, 'warn').mockReturnValue()
    expect(() => handler.session.get('devision' as never)).toThrow(
      'koa-live-session: get("devision"): not declared. Declared: division, theme, cart, role. Did you mean "division"?',
    )
    expect(log.mock.calls.join()).toContain('Declared: division, theme, cart, role, secret.')
    log.mockRestore()
  })

  it('applies all of several values, or none', async () => {
    const { session } = handler
    await expect(session.setMany({ division: 4, theme: 'pink' as never })).rejects.toMatchObject({ key: 'theme' })
    expect(session.get('division')).toBe(3)
    await session.setMany({ division: 4, theme: 'dark' })
    expect([session.get('division'), session.get('theme')]).toEqual([4, 'dark'])
  })

  it('computes values one over the other, and passes on what is thrown', async () => {
    const { session } = handler
    await Promise.all([
      session.update('division', (division) => division + 1),
      session.update('division', (division) => division * 2),
    ])
    expect(session.get('division')).toBe(8)
    const mistake = new RangeError('no')
    const update = session.update('division', () => {
      throw mistake
    })
    await expect(update).rejects.toBe(mistake)
  })

  it('reads the default after a deletion', async () => {
    const { session } = handler
    await session.delete('division')
    expect([session.get('division'), session.has('division')]).toEqual([-1, false])
  })

  it('tells listeners of its own changes and of those of requests, until they end', async () => {
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

  it('tells no listener of a value that is the same', async () => {
    const { session } = handler
    const listener = jest.fn()
    session.onChange(listener)
    await session.set('division', 3)
    expect(listener).not.toHaveBeenCalled()
  })

  it('hands off and flashes', async () => {
    const { session } = handler
    await session.handOff('sign-in', { user: 'ann' }, { to: '/sign-in' })
    await session.flash('Saved.')
  })

  it('is a guest’s, who has a name for the app’s own tables', () => {
    expect([handler.session.userId, handler.session.visitorId]).toEqual([
      undefined,
      expect.stringMatching(/^[\w-]{43}$/),
    ])
  })

  it('says what it has of each key', async () => {
    const { session } = handler
    await session.set('division', 4)
    expect(session.inspect().get('division')).toMatchObject({
      value: 4,
      places: ['cache'],
      bytes: 43,
      source: 'socket',
    })
  })
})

describe('memorySession', () => {
  it('is the session of a user where it is given one', () => {
    const session = memorySession(appFields, {}, { userId: 'ann' })
    expect([session.userId, session.visitorId]).toEqual(['ann', 'LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s'])
    expect(() => memorySession(appFields, {}, { userId: '' })).toThrow(TypeError)
  })

  it('shares nothing with another one', async () => {
    const [one, other] = [memorySession(appFields), memorySession(appFields)]
    await one.set('division', 4)
    expect([other.get('division'), other.visitorId === one.visitorId]).toEqual([-1, false])
  })

  it('tells of a change from elsewhere as from where it is said to come', () => {
    const session = memorySession(appFields)
    const sources: string[] = []
    session.onChange(({ source }) => sources.push(source))
    session.change('division', 1)
    session.change('division', 2, 'job')
    expect(sources).toEqual(['request', 'job'])
  })

  it.each([
    ['given', () => memorySession(appFields, { division: 1.5 })],
    ['changed elsewhere', () => memorySession(appFields).change('division', 1.5)],
  ])('throws for a value, %s, that could not have been set', (_, mistake) => {
    expect(mistake).toThrow('koa-live-session: set("division")')
  })

  it.each([
    ['memorySession', () => memorySession(appFields, { nothing: 1 } as never)],
    ['change', () => memorySession(appFields).change('nothing' as never, 1 as never)],
  ])('throws for a key that is not declared, in %s', (method, mistake) => {
    expect(mistake).toThrow(`koa-live-session: ${method}: "nothing" is not declared`)
  })

  it('lets values expire by the clock that the test has put in place', () => {
    const now = jest.spyOn(Date, 'now').mockReturnValue(1_000_000)
    const fields = defineFields({ code: { schema: z.string(), default: '', maxAge: 1000 } })
    const session = memorySession(fields, { code: 'x' })
    expect(session.get('code')).toBe('x')
    now.mockReturnValue(1_001_000)
    expect(session.get('code')).toBe('')
    now.mockRestore()
  })

  it('lets a spy watch what it hands off', async () => {
    const session = memorySession(appFields)
    const handOff = jest.spyOn(session, 'handOff')
    await session.handOff('sign-in', { user: 'ann' }, { to: '/sign-in' })
    expect(handOff.mock.calls).toEqual([['sign-in', { user: 'ann' }, { to: '/sign-in' }]])
  })
})
