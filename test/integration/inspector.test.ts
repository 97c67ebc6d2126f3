import { describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import type Koa from 'koa'
import session from 'koa-session'
import { coreOf } from '../../server/plugin.js'
import { type App, App as TestApp } from '../support/app/app.js'
import { idOf, look, press, startInspected } from '../support/app/inspected.js'
import { present } from '../support/app/present.js'
import { nextRefusal } from '../support/app/refused.js'

const asAnn = { 'x-user': 'ann' }

/** Writes `seen` into the session, and responds with it. */
const sessionRoutes: Koa.Middleware = async (ctx) => {
  const { session } = ctx
  if (ctx.query['seen'] !== undefined) Object.assign(session ?? {}, { seen: ctx.query['seen'] })
  await ctx.liveSession.set('role', 'seen')
  ctx.body = session?.['seen'] ?? 'nothing'
}

async function documentOf(app: App, query = ''): Promise<Document> {
  return new JSDOM((await look(app, {}, query)).text).window.document
}

function rowsUnder(document: Document, heading: string): readonly (readonly string[])[] {
  const rows = document.querySelectorAll(`section[aria-labelledby="${heading}"] tbody tr`)
  return [...rows].map((row) => [...row.children].map(({ textContent }) => textContent ?? ''))
}

describe("the inspector's page", () => {
  it('shows values set by requests and sockets, with their places', async () => {
    const app = await startInspected()
    const visitor = app.visitor()
    await visitor.fetch('/?set={"division":3}', { headers: asAnn })
    const socket = await visitor.connect('/', asAnn)
    await socket.change('cart', ['tea'])
    const rows = rowsUnder(await documentOf(app), 'subjects')
    expect(rows).toEqual([
      ['division', '3', expect.stringContaining('by request'), 'cachesocketsbrowsercookie', '43'],
      ['cart', '["tea"]', expect.stringContaining('by socket'), 'cachesocketsbrowser', '46'],
    ])
  })

  it('serves its style and script', async () => {
    const app = await startInspected()
    const [script, style] = [await look(app, {}, '?part=script'), await look(app, {}, '?part=style')]
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(style.headers['content-type']).toBe('text/css; charset=utf-8')
    expect(() => new Function(script.text)).not.toThrow()
  })

  it("shows a user's devices as text, and ends their sessions", async () => {
    const app = await startInspected(
      {},
      { options: { deviceLabel: () => '<b>Firefox</b>' }, routes: sessionRoutes },
      (koa, live) => [session({ key: 'app', store: live.sessionStore() }, koa)],
    )
    const visitor = app.visitor()
    await visitor.fetch('/?seen=1', { headers: asAnn })
    await visitor.fetch('/', { headers: asAnn })
    const document = await documentOf(app)
    const sections = [...document.querySelectorAll('.sections div')].map(({ textContent }) => textContent)
    expect(sections).toContain('Devices<b>Firefox</b>')
    await press(app, `action=revoke&subject=${await idOf(app, 'ann')}`)
    expect(await app.live.devices('ann')).toEqual([])
    expect(await (await visitor.fetch('/', { headers: asAnn })).text()).toBe('nothing')
  })

  it('finds a user, and shows at most fifty subjects', async () => {
    const app = await startInspected()
    for (let at = 0; at < 60; at += 1) await (await app.live.user(`user-${at}`)).set('division', at)
    const all = (await look(app)).text
    expect(all.match(/<article/g)).toHaveLength(50)
    expect(all).toContain('There are more.')
    const found = (await look(app, {}, '?find=USER-59')).text
    expect(found.match(/<bdi>.*?<\/bdi>/g)).toEqual(['<bdi>user-59</bdi>'])
    expect((await look(app, {}, '?find=nothing-like-it')).text).toContain('No user in memory is like')
  })

  it('refuses invalid options', async () => {
    const { live } = await TestApp.start()
    expect(() => live.inspector({ authorise: () => true } as never)).toThrow(/inspector: authorise: no such option/)
    expect(() => live.inspector({ authorize: true as never })).toThrow(
      /authorize: expected a function .*received boolean/,
    )
  })
})

describe("the inspector's actions", () => {
  it('empty a cache entry, which the cookie restores', async () => {
    const app = await startInspected()
    const visitor = app.visitor()
    await visitor.fetch('/?set={"division":3}', { headers: asAnn })
    const [ann, bob] = [await visitor.connect('/', asAnn), await app.visitor().connect('/', { 'x-user': 'bob' })]
    const { status, text } = await press(app, `action=empty&subject=${await idOf(app, 'ann')}`)
    expect([status, text]).toEqual([200, 'Emptied the cache entry of user ann.'])
    await ann.closed
    expect(bob.io.connected).toBe(true)
    expect((await documentOf(app)).body.textContent).not.toContain('ann')
    const snapshot = await (await visitor.fetch('/?set={"role":"x"}', { headers: asAnn })).json()
    expect(snapshot).toMatchObject({ values: { division: 3 } })
  })

  it('revoke a user', async () => {
    const app = await startInspected()
    const visitor = app.visitor()
    await visitor.fetch('/?set={"division":3}', { headers: asAnn })
    const socket = await visitor.connect('/', asAnn)
    const { text } = await press(app, `action=revoke&subject=${await idOf(app, 'ann')}`)
    expect(text).toBe(
      'Ended all sockets, live cookies and tickets of user ann. Sessions that the app keeps elsewhere go on.',
    )
    await socket.closed
    const { ends } = coreOf(app.live)
    expect(ends.revision).toBe(1)
  })

  it('simulate a restart', async () => {
    const app = await startInspected()
    const visitors = [app.visitor(), app.visitor()]
    for (const visitor of visitors) await visitor.fetch('/?set={"division":3}')
    const sockets = await Promise.all(visitors.map((visitor) => visitor.connect()))
    expect((await press(app, 'action=restart')).status).toBe(200)
    for (const socket of sockets) await socket.closed
    expect((await documentOf(app)).querySelectorAll('article')).toHaveLength(0)
    for (const visitor of visitors)
      expect(await (await visitor.fetch('/?set={"role":"x"}')).json()).toMatchObject({ values: { division: 3 } })
  })

  it('ignore unknown subjects, guests and actions', async () => {
    const app = await startInspected()
    await app.visitor().fetch('/')
    const guest = present((await documentOf(app)).querySelector('article')?.getAttribute('data-key'))
    expect((await documentOf(app)).querySelector('article')?.textContent).not.toContain('Revoke')
    for (const query of [
      'action=empty',
      'action=revoke&subject=unknown',
      `action=revoke&subject=${guest}`,
      'action=erase',
      '',
    ])
      expect((await press(app, query)).status).toBe(400)
    expect((await documentOf(app)).querySelectorAll('article')).toHaveLength(1)
  })

  it('redirect to the page without scripts', async () => {
    const app = await startInspected()
    const { status, headers } = await press(app, 'action=restart', { accept: 'text/html,*/*;q=0.8' })
    expect([status, headers.location]).toEqual([303, '?'])
  })
})

describe('recent refusals', () => {
  it('come from POSTs, sockets, handshakes and onError', async () => {
    const app = await startInspected({}, { options: { limits: { socketsPerVisitor: 1 } } })
    const visitor = app.visitor()
    await visitor.store({ set: [['role', -1, '', 'admin']] })
    const socket = await visitor.connect('/', asAnn)
    await socket.change('division', 'three')
    const refused = nextRefusal()
    void visitor.connect('/', asAnn).catch(() => undefined)
    await refused
    const user = await app.live.user('ann')
    void user.set('division', 'four' as never)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    const refusals = rowsUnder(await documentOf(app), 'refusals').map(([, code, where]) => [code, where])
    expect(refusals).toEqual([
      ['invalid_value', 'told to onError'],
      ['rate_limited', 'kept a socket out'],
      ['invalid_value', 'answered to a socket: user ann'],
      ['not_writable', 'answered to a POST'],
    ])
  })

  it('are the newest fifty of this app', async () => {
    const [app, other] = [await startInspected(), await startInspected()]
    const visitor = app.visitor()
    for (let at = 0; at < 60; at += 1) await visitor.store(`{"no-${at}":1}`)
    expect((await look(app)).text.match(/answered to a POST/g)).toHaveLength(50)
    expect((await look(other)).text).not.toContain('answered to a POST')
  })
})
