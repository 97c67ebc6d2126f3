import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memorySession, memoryStore, testClient } from 'koa-live-session/testing'
import { z } from 'zod'
import { createLiveSession as createBrief } from '../../client/index.js'
import { App, type AppOptions } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'

const CLEARED = { division: 3, team: undefined, deep: [{ from: 'a', to: undefined }] }
/** The JSON of `CLEARED` without undefined members; `toEqual` would ignore the difference. */
const KEPT = '{"division":3,"deep":[{"from":"a"}]}'

const schema = z.object({
  division: z.number(),
  team: z.string().optional(),
  deep: z.array(z.object({ from: z.string(), to: z.string().optional() })),
})
const fallback = { division: 1, deep: [] }
const fields = defineFields({ filter: { schema, default: fallback, client: 'write' } })
type OwnFields = typeof fields

/** A session of any kind; the tests register no fields. */
interface AnySession {
  get(key: 'filter'): unknown
  set(key: 'filter', value: unknown): Promise<unknown>
  setMany(values: { readonly filter: unknown }): Promise<unknown>
  update(key: 'filter', next: (now: object) => unknown): Promise<unknown>
}
type Act = (session: AnySession) => Promise<unknown>

function any(session: unknown): AnySession {
  return session as AnySession
}

const CHANGES: readonly (readonly [string, (value: unknown) => Act])[] = [
  ['set', (value) => (session) => session.set('filter', value)],
  ['setMany', (value) => (session) => session.setMany({ filter: value })],
  ['update', (value) => (session) => session.update('filter', () => value)],
]

/** Starts an app whose routes act on the session and answer with the value. */
function start(act: Act, options: AppOptions<OwnFields>['options'] = {}): Promise<App<OwnFields>> {
  const routes: Koa.Middleware = async (ctx) => {
    if (ctx.path === '/act') await act(any(ctx.liveSession))
    ctx.body = ctx.path === '/snapshot' ? ctx.liveSession.snapshot() : any(ctx.liveSession).get('filter')
  }
  return App.start({ fields, routes, options })
}

async function onPage(act: Act, hasSocket: boolean): Promise<unknown> {
  const visitor = (await start(act)).visitor()
  const { live } = await visitor.open({ path: '/snapshot', hasSocket })
  await act(any(live))
  expect(await (await visitor.fetch('/')).json()).toEqual(JSON.parse(KEPT))
  return any(live).get('filter')
}

/** Places to set a value; each returns the value read afterwards. */
const PLACES: Readonly<Record<string, (act: Act) => Promise<unknown>>> = {
  'a route': async (act) => {
    const visitor = (await start(act)).visitor()
    await visitor.fetch('/act')
    return (await visitor.fetch('/')).json()
  },
  'a socket handler': async (act) => {
    const app = await start(act)
    const done = new Promise<unknown>((resolve, reject) => {
      app.io.on('connection', ({ liveSession }) => {
        act(any(liveSession)).then(() => resolve(any(liveSession).get('filter')), reject)
      })
    })
    await app.visitor(cookieFor(app.live, {})).connect()
    return awaited('the handler', done)
  },
  'a job, with a store': async (act) => {
    const session = any(await (await start(act, { store: memoryStore() })).live.user('ann'))
    await act(session)
    return session.get('filter')
  },
  'a page with a socket': (act) => onPage(act, true),
  'a page without a socket': (act) => onPage(act, false),
  'a page in production': async (act) => {
    const live = createBrief({ initial: { values: {}, defaults: { filter: fallback }, stamps: {} } as never })
    void act(any(live))
    const value = any(live).get('filter')
    live.close()
    return value
  },
}

describe.each(Object.entries(PLACES))('an undefined member, set in %s', (_, place) => {
  it.each(CHANGES)('is omitted by %s', async (__, change) => {
    const value = await place(change(CLEARED))
    expect([JSON.stringify(value), Object.keys(Object(value))]).toEqual([KEPT, ['division', 'deep']])
  })
})

describe('an undefined element or value', () => {
  beforeEach(() => void jest.spyOn(console, 'error').mockReturnValue())
  afterEach(() => void jest.restoreAllMocks())

  const bare = z.any()
  const any1 = defineFields({ filter: { schema: bare, default: null, client: 'write' } })

  it.each([
    [[1, undefined], 'received undefined at $[1]. Use null, or leave the element out.'],
    [{ list: [{ a: [undefined] }] }, 'received undefined at $.list[0].a[0]. Use null, or leave the element out.'],
    [undefined, 'received undefined at $. To remove the value, use delete.'],
  ])('is refused with its path: %j', async (value, message) => {
    for (const session of [any(memorySession(any1)), any(testClient(any1))])
      for (const [, change] of CHANGES)
        await expect(change(value)(session)).rejects.toMatchObject({
          code: 'invalid_value',
          message: `koa-live-session: set("filter"): expected a JSON value, ${message}`,
        })
    const live = createBrief({ initial: { values: {}, defaults: { filter: 1 }, stamps: {} } as never })
    for (const [, change] of CHANGES)
      await expect(change(value)(any(live))).rejects.toMatchObject({ code: 'invalid_value' })
    live.close()
  })
})

describe('values differing only by undefined members', () => {
  it('are equal: no listener runs, and get returns the same object', async () => {
    for (const session of [memorySession(fields), testClient(fields)]) {
      await any(session).set('filter', JSON.parse(KEPT))
      const before = any(session).get('filter')
      const changes: unknown[] = []
      session.onChange((change) => changes.push(change))
      await any(session).set('filter', CLEARED)
      expect(changes).toEqual([])
      if ('flush' in session) expect(any(session).get('filter')).toBe(before)
    }
  })
})

describe('an undefined member of an update', () => {
  const read = (field: object): unknown => {
    const declared = defineFields({ filter: { schema, default: fallback, client: 'write', ...field } } as never)
    return any(memorySession(declared)).get('filter')
  }

  it('is omitted from a default and a schema default', () => {
    expect(JSON.stringify(read({ default: CLEARED }))).toBe(KEPT)
    expect(JSON.stringify(read({ schema: schema.default(CLEARED), default: undefined }))).toBe(KEPT)
  })

  it('is omitted from the output of a schema', async () => {
    const made = z.any().transform(() => CLEARED)
    const session = any(memorySession(defineFields({ filter: { schema: made, default: null } } as never)))
    await session.set('filter', {})
    expect(JSON.stringify(session.get('filter'))).toBe(KEPT)
  })

  it('is omitted from the result of migrate', async () => {
    const app = await App.start({ fields: defineFields({ filter: { schema: z.string(), default: '' } }) })
    const cookie = cookieFor(app.live, { values: { filter: 'of before' } })
    const next = await App.start({
      fields: defineFields({ filter: { schema, default: fallback, migrate: () => CLEARED } }),
      routes: (ctx) => {
        ctx.body = any(ctx.liveSession).get('filter')
      },
    })
    expect(await next.visitor(cookie).text('/')).toBe(KEPT)
  })

  it('is omitted from the result of onLogin', async () => {
    let user: string | undefined
    const app = await App.start({
      fields: defineFields({ filter: { schema, default: fallback, client: 'write', onLogin: () => CLEARED } }),
      options: { identify: () => user },
      attach: { handshake: [] },
      routes: async (ctx) => {
        user = 'ann'
        await ctx.liveSession.identify()
        ctx.body = any(ctx.liveSession).get('filter')
      },
    })
    expect(await app.visitor(cookieFor(app.live, { values: { filter: fallback } })).text('/')).toBe(KEPT)
  })

  it('is omitted from a flash message', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        if (ctx.path === '/say') await ctx.liveSession.flash({ text: 'Saved.', undo: undefined })
        ctx.body = ctx.path === '/say' ? '' : await ctx.liveSession.takeFlash()
      },
    })
    const visitor = app.visitor()
    await visitor.fetch('/say')
    expect(await visitor.text('/')).toBe('[{"text":"Saved."}]')
  })
})
