import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { liveOnly, written } from '../support/app/departures.js'
import { signedInAs } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write', url: 'division' },
  view: { schema: z.string().max(100), default: 'all', client: 'write', url: 'view' },
  theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
  role: { schema: z.string(), default: 'guest' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})

function start(): Promise<App<typeof fields>> {
  return App.start({
    fields,
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: async (ctx, next) => {
      if (ctx.path === '/embed') ctx.body = ctx.liveSession.embed()
      else if (ctx.path === '/all') ctx.body = ctx.liveSession.snapshot()
      else await account(ctx, next)
    },
  })
}

const LINK = { accept: 'text/html', 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }

/** Follows a link on another site. */
function follow(visitor: Visitor, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return visitor.fetch(path, { headers: { ...LINK, 'sec-fetch-site': 'cross-site', ...headers } })
}

async function valuesOf(visitor: Visitor): Promise<Record<string, unknown>> {
  return (await visitor.fetch('/all')).json().then((snapshot) => snapshot.values)
}

/** Returns the warnings logged after the start. */
function logged({ warnings }: App<typeof fields>): readonly string[] {
  return warnings.filter((warning) => !warning.includes('a restart loses'))
}

describe('threat 93: a fetch over plain http, without Sec-Fetch-Dest', () => {
  it('sets no field, unlike a navigation', async () => {
    const app = await start()
    const visitor = app.visitor()
    const visit = (headers: Record<string, string>) => visitor.fetch('/all?division=3', { headers })
    expect(await (await visit({ accept: 'text/html', origin: 'http://other.example' })).json()).toMatchObject({
      stamps: {},
    })
    expect(await (await visit({ accept: 'text/html' })).json()).toMatchObject({ stamps: {} })
    await visit({ accept: 'text/html', 'upgrade-insecure-requests': '1' })
    expect(await valuesOf(visitor)).toMatchObject({ division: 3 })
  })
})

describe('a link of a stranger', () => {
  it('sets no field that lacks the option url', async () => {
    const app = await start()
    const visitor = app.visitor()
    const query = 'role=admin&secret=x&cart=["a"]&theme=dark&__proto__=1&constructor=1&toString=1&$epoch=9&Division=3'
    const answer = await follow(visitor, `/all?${query}`)
    expect([answer.status, (await answer.json()).stamps]).toEqual([200, {}])
    expect(Object.hasOwn(Object.prototype, '1')).toBe(false)
    expect(await valuesOf(visitor)).toEqual({ division: -1, view: 'all', theme: 'light', cart: [], role: 'guest' })
  })

  it('does not reveal the name of a hidden field', async () => {
    const app = await start()
    expect(await (await follow(app.visitor(), '/all?secret=x&division=x')).text()).not.toContain('secret')
    expect(logged(app).join()).not.toContain('secret')
  })

  it('replaces no value of an account at a later sign-in', async () => {
    const app = await start()
    const ann = await signedInAs(app)
    await ann.fetch('/set?values={"division":3}')
    const elsewhere = app.visitor()
    await follow(elsewhere, '/all?division=5')
    await elsewhere.fetch('/login/now?user=ann')
    expect(await valuesOf(elsewhere)).toMatchObject({ division: 3 })
  })

  it.each(['%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E', '%22%3E%3C!--', '%E2%80%A8'])(
    'adds only inert data to the page: %s',
    async (text) => {
      const app = await start()
      for (const purpose of ['', 'prefetch']) {
        const html = await (await follow(app.visitor(), `/embed?view=${text}`, { 'sec-purpose': purpose })).text()
        const [, json = ''] =
          /^<script type="application\/json" id="[\w-]+">([^<>&\u2028]*)<\/script>$/.exec(html) ?? []
        const { values, unapplied } = JSON.parse(json)
        expect((unapplied ?? values).view).toBe(decodeURIComponent(text))
      }
    },
  )

  it('causes a warning with the key, but not the refused value', async () => {
    const app = await start()
    await follow(app.visitor(), '/all?division=%0d%0aforged%1b[2J')
    await follow(app.visitor(), `/all?view=${'v'.repeat(101)}`)
    expect(logged(app)).toEqual([
      'koa-live-session: an address has ?division=... which does not set "division": invalid_value: the schema refuses the value, as of an outdated link',
      'koa-live-session: an address has ?view=... which does not set "view": invalid_value: the schema refuses the value, as of an outdated link',
    ])
  })
})

describe.each([
  ['of a guest who has signed in', '/all', '/login/now?user=ann'],
  ['of a user who has signed out', '/login/now?user=ann', '/logout/now'],
  ['of a guest who has left', '/all', '/logout/leave'],
] as const)('threat 43: a link with the retired cookie %s', (_, first, last) => {
  it('sets neither value nor cookie', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch(first)
    await visitor.fetch('/set?values={"theme":"dark"}')
    const held = app.visitor(liveOnly(visitor.cookie))
    await visitor.fetch(last)
    const answer = await follow(held, '/all?division=5')
    expect([answer.status, written(answer)]).toEqual([200, []])
    expect(await answer.json()).toMatchObject({ values: { division: -1 }, unapplied: { division: 5 } })
    expect(await valuesOf(visitor)).toMatchObject({ division: -1 })
  })
})
