import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'

const page: Koa.Middleware = (ctx) => {
  if (ctx.path === '/set') void ctx.liveSession.set('division', 4)
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

  it('costs a handful of POSTs where a hundred values are set at once, and the last one arrives', async () => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    const opened = await visitor.open({ path: '/' })
    const all = Array.from({ length: 100 }, (_, i) => opened.live.set('division', i))
    await Promise.all(all)
    expect(opened.posts.length).toBeLessThan(6)
    expect(await visitor.text('/read')).toBe('99')
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

  it('is not saved before the cookie of that very answer was seen coming back', async () => {
    const app = await App.start({ routes: page })
    const opened = await app.visitor(cookieFor(app.live, {})).open({ path: '/set' })
    expect(opened.live.status('division')).toEqual({ status: 'saving' })
    await opened.live.flush()
    expect(opened.live.status('division')).toEqual({ status: 'saved' })
  })

  it.each([true, false])('is cookies_blocked where no cookie comes back (with a socket: %s)', async (hasSocket) => {
    const app = await App.start({ routes: page })
    const visitor = app.visitor()
    visitor.keepsCookies = false
    const opened = await visitor.open({ path: '/set', hasSocket })
    await opened.live.flush()
    expect([opened.live.status('division'), opened.live.get('division')]).toEqual([
      { status: 'rejected', reason: 'cookies_blocked' },
      4,
    ])
  })
})
