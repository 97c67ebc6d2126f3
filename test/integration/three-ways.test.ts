import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { pages } from '../support/app/auth.js'
import type { Visitor } from '../support/app/visitor.js'
import { runSnippet } from '../support/docs/run-snippet.js'

const TOLD = (named: string, unnamed: string): unknown =>
  expect.stringMatching(
    `identify names a user in the ${named} of a browser and nobody in its ${unnamed}: expected the same proof in all.*docs/users\\.md#what-each-request-must-bring$`,
  )

const TOKEN = { authorization: 'Bearer ann' }

const bearer = (ctx: Koa.Context): string | undefined => /^Bearer (.+)$/.exec(ctx.get('authorization'))?.[1]

async function start(identify: (ctx: Koa.Context) => unknown, keepToken: Koa.Middleware = pages as never) {
  const routes: Koa.Middleware = (ctx, next) => (ctx.path === '/token' ? keepToken : pages)(ctx as never, next)
  const app = await App.start({ attach: { handshake: [] }, options: { identify } as never, routes })
  return { app, told: () => app.warnings.filter((warning) => warning.includes('identify')) }
}

/** Opens a page that sends its token in a header, until it has asked for its visitor. */
async function openWithToken(visitor: Visitor, hasSocket: boolean): Promise<void> {
  const page = await visitor.open({ path: '/page', hasSocket, headers: () => TOKEN })
  await page.live.set('division', 3).catch(() => undefined)
  page.close()
}

describe('a token in a header, which only POSTs bring', () => {
  it('causes a warning at the second page load', async () => {
    const { app, told } = await start(bearer)
    const visitor = app.visitor()
    await openWithToken(visitor, false)
    expect(told()).toEqual([])
    await openWithToken(visitor, false)
    expect(told()).toEqual([TOLD('POSTs', 'page loads')])
  })

  it('causes a warning at once with a socket', async () => {
    const { app, told } = await start(bearer)
    const visitor = app.visitor()
    await visitor.fetch('/page')
    await visitor.store({}, TOKEN)
    await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_visitor' })
    await visitor.store({}, TOKEN)
    await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_visitor' })
    expect(told()).toEqual([TOLD('POSTs', 'handshakes')])
    await visitor.fetch('/page')
    await visitor.store({}, TOKEN)
    expect(told().slice(1)).toEqual([TOLD('POSTs', 'handshakes and page loads')])
  })
})

it('the guide’s token in a cookie names the user in all three', async () => {
  const verify = (token?: string): string | undefined => (token === 'ann' ? 'ann' : undefined)
  const { keepToken } = runSnippet('token-cookie.ts', 'docs/users.md', { verify }) as { keepToken: Koa.Middleware }
  const { app, told } = await start((ctx) => ctx.state['user'] ?? verify(ctx.cookies.get('token')), keepToken)
  const visitor = app.visitor()
  await visitor.fetch('/page')
  expect((await visitor.fetch('/token', { method: 'POST', headers: { authorization: 'Bearer eve' } })).status).toBe(401)
  const answer = await visitor.fetch('/token', { method: 'POST', headers: TOKEN })
  expect(answer.headers.getSetCookie()).toContainEqual(
    expect.stringMatching(/^token=ann; path=\/; samesite=lax; httponly$/),
  )
  const page = await visitor.open({ path: '/page' })
  await page.live.set('division', 3)
  const other = await visitor.open({ path: '/page' })
  await other.connected()
  expect([page.live.get('division'), other.live.get('division')]).toEqual([3, 3])
  const [socket] = app.io.of('/').sockets.values()
  expect([socket?.liveSession.userId, told()]).toEqual(['ann', []])
})

it('a token in the query of the socket causes a warning', async () => {
  const { app, told } = await start((ctx) => ctx.query['token'])
  const visitor = app.visitor()
  await visitor.fetch('/page')
  for (let times = 0; times < 2; times += 1) {
    await visitor.connect('/?token=ann')
    await visitor.store()
  }
  expect(told()).toEqual([TOLD('handshakes', 'POSTs')])
})

const isHandshake = (ctx: Koa.Context): boolean => ctx.path.startsWith('/socket.io')

it('an id may be a number in requests, and text in handshakes', async () => {
  const { app, told } = await start((ctx) => (isHandshake(ctx) ? '7' : 7))
  const visitor = app.visitor()
  const page = await visitor.open({ path: '/page' })
  await page.live.set('division', 3)
  const next = await visitor.open({ path: '/page' })
  expect([next.live.get('division'), app.io.of('/').sockets.size > 0, told()]).toEqual([3, true, []])
})

describe('another id in handshakes than in requests', () => {
  const LONG = 'x'.repeat(64)

  it.each([
    ['ann', 'ann@example.test', 'ann', 'ann@example.test'],
    ['a\nb', `${LONG}tail`, 'a\\u000ab', LONG],
  ])('causes one warning, with both ids: %j and %j', async (id, other, one, two) => {
    const { app, told } = await start((ctx) => (isHandshake(ctx) ? other : id))
    const visitor = app.visitor()
    await visitor.fetch('/page')
    for (let times = 0; times < 3; times += 1) {
      expect(told()).toHaveLength(times === 2 ? 1 : 0)
      await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_visitor' })
      await visitor.store()
    }
    expect(told()).toEqual([
      `koa-live-session: identify names the user "${two}" in the handshakes of a browser and "${one}" in its POSTs, so its sockets are refused: ` +
        'expected the same id in all: node_modules/koa-live-session/docs/users.md#what-each-request-must-bring',
    ])
  })
})

it('a page saves by POST if handshakes have another id', async () => {
  const { app } = await start((ctx) => (isHandshake(ctx) ? 'ann@example.test' : 'ann'))
  const { live } = await app.visitor().open({ path: '/page' })
  await live.set('division', 3)
  expect(live.status('division')).toEqual({ status: 'saved' })
  await live.set('division', 4)
})

describe('no warning', () => {
  const session = (ctx: Koa.Context): string | undefined => ctx.cookies.get('user', { signed: false })
  const cookie = (visitor: Visitor, value: string): void => void visitor.jar.setCookieSync(value, visitor.url)
  const signIn = (visitor: Visitor, user = 'ann'): void => cookie(visitor, `user=${user}; Path=/`)
  const signOut = (visitor: Visitor): void => cookie(visitor, 'user=; Path=/; Max-Age=0')

  it('follows a token in a cookie, sign-outs and sign-ins', async () => {
    const { app, told } = await start(session)
    const visitor = app.visitor()
    for (let times = 0; times < 3; times += 1) {
      signIn(visitor)
      await visitor.fetch('/page')
      await visitor.store()
      await visitor.connect()
      signOut(visitor)
      await expect(visitor.connect()).rejects.toMatchObject({ message: 'other_visitor' })
      await visitor.store()
      await visitor.fetch('/page')
      await visitor.connect()
    }
    expect(told()).toEqual([])
  })

  it('follows another account without identify(), in two tabs', async () => {
    const { app, told } = await start(session)
    const visitor = app.visitor()
    for (const user of ['ann', 'bob', 'ann', 'eve']) {
      signIn(visitor, user)
      for (let tabs = 0; tabs < 2; tabs += 1) await visitor.connect().catch(() => undefined)
      await visitor.store()
      for (let tabs = 0; tabs < 2; tabs += 1) await visitor.connect()
    }
    expect(told().filter((warning) => !warning.includes('two users in turn'))).toEqual([])
  })

  it('follows if another user signs in at once, or the same user later', async () => {
    const { app, told } = await start(session)
    const visitor = app.visitor()
    signIn(visitor)
    await visitor.fetch('/page')
    signOut(visitor)
    await visitor.fetch('/page')
    signIn(visitor, 'bob')
    await visitor.store()
    signOut(visitor)
    await visitor.fetch('/page')
    app.clock.advance(11_000)
    signIn(visitor, 'bob')
    await visitor.store()
    expect(told()).toEqual([])
  })
})
