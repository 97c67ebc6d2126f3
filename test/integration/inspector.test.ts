import { channel } from 'node:diagnostics_channel'
import { describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import { coreOf } from '../../server/plugin.js'
import { REFUSAL_CHANNEL } from '../../server/refused.js'
import { type App, App as TestApp } from '../support/app.js'
import { Bus } from '../support/bus.js'
import { idOf, look, openInspector, press, startInspected } from '../support/inspected.js'
import { send } from '../support/raw-http.js'

const asAnn = { 'x-user': 'ann' }

async function documentOf(app: App, query = ''): Promise<Document> {
  return new JSDOM((await look(app, {}, query)).text).window.document
}

/** The rows of a table, each as its cells. */
function rowsUnder(document: Document, heading: string): readonly (readonly string[])[] {
  const rows = document.querySelectorAll(`section[aria-labelledby="${heading}"] tbody tr`)
  return [...rows].map((row) => [...row.children].map(({ textContent }) => textContent ?? ''))
}

describe('the page of the inspector', () => {
  it('shows what a request and a socket have set, and where it is', async () => {
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

  it('shows the style and the script from its own address, as what they are', async () => {
    const app = await startInspected()
    const [script, style] = [await look(app, {}, '?part=script'), await look(app, {}, '?part=style')]
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(style.headers['content-type']).toBe('text/css; charset=utf-8')
    expect(() => new Function(script.text)).not.toThrow()
  })

  it('finds a user, and shows fifty subjects at the most', async () => {
    const app = await startInspected()
    for (let at = 0; at < 60; at += 1) await (await app.live.user(`user-${at}`)).set('division', at)
    const all = (await look(app)).text
    expect(all.match(/<article/g)).toHaveLength(50)
    expect(all).toContain('There are more.')
    const found = (await look(app, {}, '?find=USER-59')).text
    expect(found.match(/<bdi>.*?<\/bdi>/g)).toEqual(['<bdi>user-59</bdi>'])
    expect((await look(app, {}, '?find=nothing-like-it')).text).toContain('No user in memory is like')
  })

  it('answers no method that it does not know', async () => {
    const app = await startInspected()
    const { status, headers } = await send(`${app.url}/inspector`, {
      method: 'PUT',
      headers: { cookie: await openInspector(app) },
    })
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD, POST'])
  })

  it('refuses options that are none', async () => {
    const { live } = await TestApp.start()
    expect(() => live.inspector({ authorise: () => true } as never)).toThrow(/inspector: authorise: no such option/)
    expect(() => live.inspector({ authorize: true as never })).toThrow(
      /authorize: expected a function .*received boolean/,
    )
  })
})

describe('the actions of the inspector', () => {
  it('empty a cache entry: the page comes back, and its value from the cookie', async () => {
    const app = await startInspected()
    const visitor = app.visitor()
    await visitor.fetch('/?set={"division":3}', { headers: asAnn })
    const [ann, bob] = [await visitor.connect('/', asAnn), await app.visitor().connect('/', { 'x-user': 'bob' })]
    const { status, text } = await press(app, `deed=empty&subject=${await idOf(app, 'ann')}`)
    expect([status, text]).toEqual([200, 'Emptied the cache entry of user ann.'])
    await ann.closed
    expect(bob.io.connected).toBe(true)
    expect((await documentOf(app)).body.textContent).not.toContain('ann')
    const snapshot = await (await visitor.fetch('/?set={"role":"x"}', { headers: asAnn })).json()
    expect(snapshot).toMatchObject({ values: { division: 3 } })
  })

  it('revoke a user: the cookie of before is worth nothing', async () => {
    const app = await startInspected()
    const visitor = app.visitor()
    await visitor.fetch('/?set={"division":3}', { headers: asAnn })
    const socket = await visitor.connect('/', asAnn)
    const { text } = await press(app, `deed=revoke&subject=${await idOf(app, 'ann')}`)
    expect(text).toBe('Ended all sockets, live cookies and tickets of user ann. The app’s own sessions go on.')
    await socket.closed
    const { epochs } = coreOf(app.live)
    expect(epochs.ends).toBe(1)
  })

  it('simulate a restart: all connections close, and memory is empty', async () => {
    const app = await startInspected()
    const visitors = [app.visitor(), app.visitor()]
    for (const visitor of visitors) await visitor.fetch('/?set={"division":3}')
    const sockets = await Promise.all(visitors.map((visitor) => visitor.connect()))
    expect((await press(app, 'deed=restart')).status).toBe(200)
    for (const socket of sockets) await socket.closed
    expect((await documentOf(app)).querySelectorAll('article')).toHaveLength(0)
    for (const visitor of visitors)
      expect(await (await visitor.fetch('/?set={"role":"x"}')).json()).toMatchObject({ values: { division: 3 } })
  })

  it('do nothing to what is not there, to a guest who cannot be signed out, and under names of their own', async () => {
    const app = await startInspected()
    await app.visitor().fetch('/')
    const guest = (await documentOf(app)).querySelector('article')?.getAttribute('data-key')
    expect((await documentOf(app)).querySelector('article')?.textContent).not.toContain('Revoke')
    for (const query of ['deed=empty', 'deed=revoke&subject=unknown', `deed=revoke&subject=${guest}`, 'deed=erase', ''])
      expect((await press(app, query)).status).toBe(400)
    expect((await documentOf(app)).querySelectorAll('article')).toHaveLength(1)
  })

  it('work without a script: the browser is sent back to the page', async () => {
    const app = await startInspected()
    const { status, headers } = await press(app, 'deed=restart', { accept: 'text/html,*/*;q=0.8' })
    expect([status, headers.location]).toEqual([303, '?'])
  })
})

describe('recent refusals', () => {
  it('are those of POSTs, sockets, handshakes, and what onError was told', async () => {
    const app = await startInspected({}, { options: { limits: { socketsPerSubject: 1 } } })
    const visitor = app.visitor()
    await visitor.store({ set: [['role', -1, '', 'admin']] })
    const socket = await visitor.connect('/', asAnn)
    await socket.change('division', 'three')
    await visitor.connect('/', asAnn).catch(() => undefined)
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

  it('are the newest fifty, and of no other app', async () => {
    const [app, other] = [await startInspected(), await startInspected()]
    const visitor = app.visitor()
    for (let at = 0; at < 60; at += 1) await visitor.store(`{"no-${at}":1}`)
    expect((await look(app)).text.match(/answered to a POST/g)).toHaveLength(50)
    expect((await look(other)).text).not.toContain('answered to a POST')
  })

  it('are watched only where there is an inspector, until the end', async () => {
    const refusals = channel(REFUSAL_CHANNEL)
    const plain = await TestApp.start()
    expect(refusals.hasSubscribers).toBe(false)
    const app = await startInspected()
    expect(refusals.hasSubscribers).toBe(true)
    await app.live.close()
    await plain.live.close()
    expect(refusals.hasSubscribers).toBe(false)
  })
})

describe('open sockets by node', () => {
  it('are those of each node, and of each subject there, until a node has said nothing for five seconds', async () => {
    const bus = new Bus()
    const apps = [await startInspected(), await startInspected()] as const
    for (const { io } of apps) bus.join(io)
    const [one, two] = apps
    await (await one.live.user('ann')).set('division', 3)
    await one.visitor().connect('/', asAnn)
    for (let at = 0; at < 2; at += 1) await two.visitor().connect('/', asAnn)
    // The first look asks, the next one has the answers.
    await look(one)
    const document = await documentOf(one)
    expect(rowsUnder(document, 'nodes').map(([, sockets]) => sockets)).toEqual(['1', '2'])
    const places = document.querySelectorAll('article dl li')
    expect([...places].map(({ textContent }) => textContent?.split(' ')[0])).toEqual(['1', '2'])
    bus.isCut = true
    one.clock.advance(5001)
    expect(rowsUnder(await documentOf(one), 'nodes')).toHaveLength(1)
  })

  it('are asked for once in a while, however many look, and kept by none that has not asked', async () => {
    const bus = new Bus()
    const apps = [await startInspected(), await startInspected()] as const
    for (const { io } of apps) bus.join(io)
    const [one, two] = apps
    const asked = (): number => bus.messages.filter(([event]) => event === 'live_session:count').length
    for (let at = 0; at < 5; at += 1) await look(one)
    expect(asked()).toBe(1)
    expect(coreOf(two.live).remote.census?.others).toEqual([])
    one.clock.advance(1000)
    await look(one)
    expect(asked()).toBe(2)
  })

  it('leave out what other processes send that is no answer', async () => {
    const bus = new Bus()
    const apps = [await startInspected(), await startInspected()] as const
    for (const { io } of apps) bus.join(io)
    const [one, two] = apps
    bus.isCut = true
    await look(one)
    bus.isCut = false
    for (const answer of [
      [],
      ['node'],
      ['node', 'many', []],
      ['node', -1, []],
      ['node', 1],
      [1, 1, []],
      ['x'.repeat(301), 1, []],
    ])
      two.io.serverSideEmit('live_session:counted', ...answer)
    for (const question of [[], ['all'], [[1, null, 'no subject']], [Array(101).fill('user:s:ann')]])
      two.io.serverSideEmit('live_session:count', ...question)
    expect(rowsUnder(await documentOf(one), 'nodes')).toHaveLength(1)
    two.io.serverSideEmit('live_session:counted', 'node', 7, [['user:s:ann', 7], 'no pair', ['user:s:bob', -1]])
    expect(rowsUnder(await documentOf(one), 'nodes')[1]).toEqual(['node', '7'])
    expect(one.errors).toEqual([])
  })
})
