import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { defineFields, type FieldSpec } from 'koa-live-session/fields'
import { cookieFor, emptyCache, memorySession, memoryStore, testClient, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { MINUTE } from '../support/app/times.js'

type Option = keyof FieldSpec

const schema = z.number()
const FIRST = { default: 1, client: 'write' } as const

/** The tested values of each option besides the schema. This does not compile if a new option has no row. */
const OPTIONS: { readonly [K in Exclude<keyof Required<FieldSpec>, 'schema'>]: readonly FieldSpec[K][] } = {
  default: [1],
  client: ['hidden', 'read', 'write'],
  guests: [undefined, 'read'],
  scope: ['user', 'browser', 'tab'],
  cookie: [undefined, true, false],
  maxBytes: [200],
  maxMembers: [1],
  maxAge: [MINUTE],
  rooms: [true],
  url: ['n'],
  onLogin: ['account', 'newest', 'drop', (_: never, browser: never) => browser],
  migrate: [() => 1],
}
/** Options that together decide who may access a value, and where it is stored. */
const TOGETHER: readonly (keyof typeof OPTIONS)[] = ['client', 'guests', 'scope', 'cookie']

/** The tested fields: the options of `field` vary. */
type Shape = {
  readonly field: { readonly schema: z.ZodNumber; readonly default: 1; readonly client: 'write' }
  readonly beside: { readonly schema: z.ZodString; readonly default: ''; readonly client: 'write' }
}
interface Case {
  readonly name: string
  readonly spec: Partial<FieldSpec>
  readonly fields: Shape
}

function combined(options: readonly (keyof typeof OPTIONS)[]): readonly Partial<FieldSpec>[] {
  return options.reduce<readonly Partial<FieldSpec>[]>(
    (specs, option) =>
      specs.flatMap((spec) =>
        OPTIONS[option].map((value) => (value === undefined ? spec : { ...spec, [option]: value })),
      ),
    [{ ...FIRST }],
  )
}

/** Returns nothing if these options exclude each other. */
function caseOf(spec: Partial<FieldSpec>): readonly [] | readonly [readonly [string, Case]] {
  const name = JSON.stringify(spec, (_, value: unknown) => (typeof value === 'function' ? 'function' : value))
  try {
    const beside = { schema: z.string(), default: '', client: 'write' } as const
    const fields = defineFields({ field: { schema, ...spec } as Shape['field'], beside }) as unknown as Shape
    return [[name, { name, spec, fields }]]
  } catch (error) {
    if (error instanceof TypeError) return []
    throw error
  }
}

const others = (Object.keys(OPTIONS) as (keyof typeof OPTIONS)[]).filter((option) => !TOGETHER.includes(option))
const all = [...combined(TOGETHER), ...others.flatMap((option) => combined(['scope', option]))]
const CASES = [...new Map(all.flatMap(caseOf)).values()]

const GIVEN = { field: 2, beside: 'x' }

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'done',
    ({ code }) => code,
  )
}

beforeEach(() => {
  jest.spyOn(console, 'warn').mockReturnValue()
  jest.spyOn(console, 'error').mockReturnValue()
})

it('the cases cover every option of a field', () => {
  const used = new Set<string>(CASES.flatMap(({ spec }) => Object.keys(spec) as Option[]))
  expect([...used].sort()).toEqual(Object.keys(OPTIONS).sort())
})

describe.each([{}, { userId: 'ann' }])('memorySession(fields, values, %j)', (visitor) => {
  it.each(CASES)('supports $name', async ({ fields }) => {
    const session = memorySession(fields, GIVEN, visitor)
    const told: unknown[] = []
    session.onChange((change) => change.key === 'field' && told.push(change.value))
    expect([session.get('field'), session.get('beside')]).toEqual([2, 'x'])
    await session.set('field', 3)
    await session.setMany({ field: 4, beside: 'y' })
    await session.update('field', (now) => now + 1)
    session.change('field', 6)
    expect([session.get('field'), session.get('beside'), session.inspect().get('field')?.value]).toEqual([6, 'y', 6])
    await session.delete('field')
    expect([session.has('field'), session.get('field')]).toEqual([false, 1])
    expect(told).toEqual([3, 4, 5, 6, 1])
  })
})

describe('testClient', () => {
  it.each(CASES)('supports $name', async ({ fields, spec }) => {
    const live = testClient(fields, GIVEN)
    const isShown = spec.client !== 'hidden'
    const refusal = spec.client === 'hidden' ? 'undeclared_key' : spec.client === 'read' ? 'not_writable' : 'users_only'
    const isWritten = spec.client === 'write' && spec.guests === undefined
    const code = isWritten ? 'done' : refusal
    expect([live.get('field'), live.get('beside')]).toEqual([isShown ? 2 : undefined, 'x'])
    expect(await codeOf(live.set('field', 3))).toBe(code)
    expect(live.get('field')).toBe(isWritten ? 3 : isShown ? 2 : undefined)
    expect(await codeOf(live.update('field', () => 4))).toBe(code)
    expect(await codeOf(live.setMany({ field: 5, beside: 'y' }))).toBe(code)
    live.offline()
    const waiting = live.set('beside', 'z')
    live.online()
    await waiting
    live.receive({ field: 6 })
    expect([live.get('field'), live.get('beside')]).toEqual([isShown ? 6 : undefined, 'z'])
    expect(await codeOf(live.delete('field'))).toBe(code)
    expect(live.get('field')).toBe(isWritten ? 1 : isShown ? 6 : undefined)
  })
})

describe('cookieFor, emptyCache, memoryStore and testClock', () => {
  it.each(CASES)('support $name', async ({ fields, spec }) => {
    const clock = testClock()
    const app = await App.start({
      clock,
      fields,
      options: { store: memoryStore(clock.now), identify: (ctx) => ctx.get('user') || undefined },
      attach: { handshake: [] },
      routes: async (ctx) => {
        if (ctx.method === 'POST') await ctx.liveSession.set('field' as never, 3 as never)
        ctx.body = String(ctx.liveSession.get('field' as never))
      },
    })
    const isInCookie = spec.scope !== 'tab' && (spec.cookie ?? spec.client !== 'hidden')
    const ask = async (cookie: string, method = 'GET'): Promise<string> =>
      (await fetch(app.url, { method, headers: { cookie, user: 'ann' } })).text()
    if (!isInCookie)
      expect(() => cookieFor(app.live, { userId: 'ann', values: GIVEN })).toThrow('"field" is not in the cookie')
    if (spec.scope === 'tab') return
    const cookie = cookieFor(app.live, { userId: 'ann', values: isInCookie ? GIVEN : { beside: 'x' } })
    expect(await ask(cookie)).toBe(isInCookie ? '2' : '1')
    expect(await ask(cookie, 'POST')).toBe('3')
    await app.live.settled()
    emptyCache(app.live)
    expect(await ask(cookie)).toBe('3')
    clock.advance(MINUTE + 1)
    expect(await ask(cookie)).toBe(spec.maxAge === undefined ? '3' : '1')
  })
})
