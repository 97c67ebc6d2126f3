import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionErrorCode, RequestSession } from 'koa-live-session'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import type { Refusal, SyncAnswer, WireChange } from '../../shared/protocol.js'
import { App, type AppFields } from '../support/app/app.js'
import type { Plain } from '../support/app/plain.js'
import { startWithUsers } from '../support/app/users.js'
import { within } from '../support/app/within.js'

type Own = RequestSession<AppFields>

/** What a request is refused. */
async function refused(act: (session: Own) => Promise<unknown>, options: object = {}): Promise<unknown> {
  let code: unknown
  const routes: Koa.Middleware = async (ctx) => {
    // The tests are one program, which registers no fields.
    await act(ctx.liveSession as unknown as Own).catch((error: { code: unknown }) => {
      code = error.code
    })
    ctx.body = ''
  }
  await (await App.start({ options, routes })).visitor().fetch('/')
  return code
}

/** What a page is refused over its socket: the last of its changes. */
async function refusedSocket(changes: readonly Plain<WireChange>[], options = {}): Promise<unknown> {
  const app = await App.start({ options })
  const socket = await app.visitor(cookieFor(app.live, {})).connect()
  let answer: SyncAnswer | Refusal | undefined
  for (const change of changes) answer = await socket.set(change)
  if (!answer || 'code' in answer) return answer?.code
  const [result] = answer.results
  return result && 'code' in result && result.code
}

/** What a POST to the endpoint is refused. */
async function refusedPost(body: unknown, headers = {}): Promise<unknown> {
  const app = await App.start()
  return (await (await app.visitor(cookieFor(app.live, {})).store(body, headers)).json()).error.code
}

const next = (division: number): number => division + 1

/** Each code, and a mistake, or a mishap, that leads to it. */
const MADE: { readonly [C in LiveSessionErrorCode]: () => Promise<unknown> } = {
  invalid_value: () => refused((session) => session.set('division', 'three' as never)),
  undeclared_key: () => refusedSocket([['colour', -1, '', 'red']]),
  not_writable: () => refusedSocket([['role', -1, '', 'admin']]),
  users_only: async () => {
    const note = { schema: z.string(), default: '', client: 'write', guests: 'read' } as const
    const app = await App.start({ fields: { note } })
    return (await (await app.visitor().connect()).change('note', 'mine')).code
  },
  too_large: () => refused((session) => session.set('cart', ['x'.repeat(5000)])),
  malformed: () => refusedPost('{'),
  bad_origin: () => refusedPost({}, { origin: 'https://app.example' }),
  bad_ticket: () => refusedPost({ tickets: ['of.another.server'] }),
  other_subject: async () => {
    const app = await startWithUsers()
    const signedOut = app.visitor(cookieFor(app.live, { userId: 'ann' }))
    return signedOut.connect().catch(({ data }) => data.code)
  },
  superseded: () =>
    refusedSocket([
      ['division', -1, '', 3],
      ['division', 0, '', 4],
    ]),
  rate_limited: () =>
    refusedSocket(
      [1, 2, 3].map((division) => ['division', -1, '', division] as const),
      { limits: { changesPerSocket: 1 } },
    ),
  not_loaded: async () => {
    const ann = await (await App.start()).live.user('ann')
    return ann.update('division', next).catch(({ code }) => code)
  },
  conflict: () =>
    refused((session) => session.update('division', next), {
      store: { ...memoryStore(), compareAndSet: async () => false },
    }),
  store_unavailable: async () => {
    const store = memoryStore()
    const app = await App.start({ options: { store } })
    store.fail(1)
    await app.live.user('ann')
    const [error] = await within(
      async () => app.errors,
      ({ length }) => length > 0,
    )
    return (error as { readonly code: unknown }).code
  },
  cookies_blocked: async () => {
    const visitor = (
      await App.start({ routes: (ctx) => Object.assign(ctx, { body: ctx.liveSession.snapshot() }) })
    ).visitor()
    visitor.keepsCookies = false
    const { live } = await visitor.open({ path: '/', hasSocket: false })
    return live.set('division', 3).catch(({ code }) => code)
  },
  closed: async () => {
    const { live } = await App.start()
    await live.close()
    return (await live.user('ann')).set('division', 3).catch(({ code }) => code)
  },
}

const page = readFileSync('docs/troubleshooting.md', 'utf8')

function isExplained(code: string): boolean {
  const [, below = ''] = page.split(`\n### \`${code}\`\n`)
  const [section = ''] = below.split(/^##/m)
  return /\S[\s\S]*\*\*Do:\*\* \S/.test(section)
}

describe.each(Object.entries(MADE))('%s', (code, make) => {
  it('is what a refusal says', async () => {
    expect(await make()).toBe(code)
  })

  it('is in docs/troubleshooting.md, with what it means and what to do', () => {
    expect(isExplained(code)).toBe(true)
  })
})

/** What a page says in production of mistakes that are no refusals. */
const OF_PAGES = ['before_ready', 'impure_update']

it('docs/troubleshooting.md has those of pages, and no other codes', () => {
  const codes = [...page.matchAll(/^### `(\w+)`$/gm)].map(([, code]) => code)
  expect(codes.sort()).toEqual([...Object.keys(MADE), ...OF_PAGES].sort())
  expect(OF_PAGES.filter((code) => !isExplained(code))).toEqual([])
})
