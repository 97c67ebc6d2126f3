import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { outcome } from '../support/bounded.js'

const page: Koa.Middleware = (ctx) => {
  if (ctx.path === '/read') ctx.body = String(ctx.liveSession.get('division'))
  else ctx.body = ctx.liveSession.snapshot()
}

describe('a page', () => {
  it('has its values at once where it brings them along, and after the first ticket where it does not', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const rendered = await visitor.open({ path: '/' })
    expect(rendered.live.get('division')).toBe(4)
    const bare = await visitor.open()
    expect(() => bare.live.get('division')).toThrow(
      'koa-live-session: get("division") before the first values: put ctx.liveSession.embed() into the page, pass initial, or await live.ready',
    )
    await bare.live.ready
    expect([bare.live.get('division'), bare.live.has('division'), bare.live.has('cart')]).toEqual([4, true, false])
  })

  it('shows what it sets at once, and says saved when the cookie has come back with it', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const { live } = await visitor.open({ path: '/' })
    const shown: unknown[] = []
    const statuses: string[] = []
    live.subscribe('division', (value) => shown.push(value))
    live.onStatus((key, { status }) => statuses.push(`${key} ${status}`))
    const saved = live.set('division', 5)
    expect([live.get('division'), live.status('division')]).toEqual([5, { status: 'saving' }])
    await saved
    expect(live.status('division')).toEqual({ status: 'saved' })
    expect(shown).toEqual([-1, 5])
    expect(statuses).toEqual(['division saving', 'division saved'])
    expect(await visitor.text('/read')).toBe('5')
  })

  it('lets other tabs of the browser follow', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const [one, two] = [await visitor.open({ path: '/' }), await visitor.open({ path: '/' })]
    const heard: unknown[] = []
    two.live.onChange(({ key, value, previous, source }) => heard.push([key, value, previous, source]))
    await one.live.set('division', 5)
    await two.shows('division', 5)
    expect(heard).toEqual([['division', 5, -1, 'ticket']])
  })

  it('takes a refused value back, and says why', async () => {
    const app = await App.start({ routes: page })
    const { live } = await app.visitor(cookieFor(app.live, { values: { division: 4 } })).open({ path: '/' })
    const shown: unknown[] = []
    live.subscribe('division', (value) => shown.push(value))
    await expect(live.set('division', 'x' as never)).rejects.toMatchObject({
      name: 'LiveSessionError',
      code: 'invalid_value',
    })
    expect(live.status('division')).toEqual({ status: 'rejected', reason: 'invalid_value' })
    expect(shown).toEqual([4, 'x', 4])
    await live.set('division', 6)
    expect(live.status()).toEqual({ status: 'saved' })
  })

  it('deletes, shows the default, and says saved once the cookie has seen it go, in the next page too', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const { live } = await visitor.open({ path: '/' })
    await live.delete('division')
    for (const each of [live, (await visitor.open({ path: '/' })).live])
      expect([each.get('division'), each.has('division'), each.status('division')]).toEqual([
        -1,
        false,
        { status: 'saved' },
      ])
  })

  it('works without a socket, by POST', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/', hasSocket: false })
    await opened.live.set('division', 5)
    // The first shows that the browser keeps a cookie.
    expect(opened.posts.map(({ set }) => set?.length)).toEqual([undefined, 1])
    expect(await visitor.text('/read')).toBe('5')
    await expect(opened.live.set('division', 'x' as never)).rejects.toMatchObject({ code: 'invalid_value' })
    await opened.live.set('division', 6)
    expect(await visitor.text('/read')).toBe('6')
  })

  it('brings back what the server lost before the cookie was stored', async () => {
    const before = await App.start({ routes: page })
    const visitor = before.visitor()
    const opened = await visitor.open({ path: '/' })
    const mend = opened.cutPosts()
    const saved = opened.live.set('division', 5)
    await opened.reaches('division', 'offline')
    const { port } = before
    await before.stop({ isCrash: true })
    const after = await App.start({ routes: page, clock: before.clock, port })
    mend()
    await saved
    expect(await after.visitor(visitor.cookie).text('/read')).toBe('5')
  })

  it('costs a handful of POSTs where a hundred values are set at once, and the last one arrives', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    const all = Array.from({ length: 100 }, (_, i) => opened.live.set('division', i))
    await Promise.all(all)
    expect(opened.posts.length).toBeLessThan(6)
    expect(await visitor.text('/read')).toBe('99')
  })

  it('resolves flush when everything is saved, and is quiet once closed', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    void opened.live.set('division', 5)
    await opened.live.flush()
    expect(opened.live.status()).toEqual({ status: 'saved' })
    opened.live.close()
    const { length } = opened.posts
    const other = await visitor.open({ path: '/' })
    await other.live.set('division', 6)
    expect([opened.live.get('division'), opened.posts.length]).toEqual([5, length])
  })

  it('offers each field as a store', async () => {
    const app = await App.start({ routes: page })
    const { live } = await app.visitor().open({ path: '/' })
    const division = live.field('division')
    const seen: unknown[] = []
    const end = division.subscribe((value) => seen.push(value))
    division.set(1)
    division.update((value) => value + 1)
    end()
    division.set(9)
    expect(seen).toEqual([-1, 1, 2])
  })

  it('keeps what it has set and sends it again where it is rate_limited, never rolls it back', async () => {
    const app = await App.start({
      options: { limits: { changesPerSocket: 1, changesPerSubject: 8, socketsPerSubject: 3 } },
    })
    const opened = await app.visitor(cookieFor(app.live, {})).open()
    await opened.connected()
    const refused = new Promise<void>((resolve) => {
      opened.socket.io.engine.on('packet', ({ data = '' }: { data?: string }) => {
        if (String(data).includes('rate_limited')) resolve()
      })
    })
    const { live } = opened
    const sets = [live.set('division', 3), live.set('theme', 'dark'), live.set('cart', ['a'])]
    await refused
    const shown = (): unknown => [live.get('division'), live.get('theme'), live.get('cart')]
    expect(shown()).toEqual([3, 'dark', ['a']])
    app.clock.advance(5000)
    await Promise.all(sets)
    expect(shown()).toEqual([3, 'dark', ['a']])
  })

  it('ends a subscription that ends itself at its first call', async () => {
    const app = await App.start({ routes: page })
    const { live } = await app.visitor().open()
    const heard: unknown[] = []
    const end = live.subscribe('division', (value) => {
      heard.push(value)
      end()
    })
    await live.ready
    await live.set('division', 5)
    expect(heard).toEqual([-1])
  })

  it('is not superseded by its own former change whose answer was lost', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor(cookieFor(app.live, { values: { theme: 'dark' } }))
    const opened = await visitor.open({ path: '/', hasSocket: false })
    let posts = 0
    opened.beforePost = async () => {
      posts += 1
      if (posts === 2) throw new TypeError('fetch failed')
    }
    opened.beforeAnswer = async () => {
      if (posts === 1) throw new TypeError('connection reset')
    }
    void opened.live.set('division', 1)
    expect(opened.posts.map(({ set }) => set)).toEqual([[['division', 0, '', 1]]])
    expect(await outcome(opened.live.set('division', 2))).toBe('saved')
    expect(await visitor.text('/read')).toBe('2')
  })
})
