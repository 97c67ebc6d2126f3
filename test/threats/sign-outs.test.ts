import { describe, expect, it } from '@jest/globals'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import type { Visitor } from '../support/app/visitor.js'

async function start(): Promise<App> {
  return App.start({
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: async (ctx) => {
      if (ctx.path.startsWith('/login')) ctx['session'].user = ctx.path.includes('bob') ? 'bob' : 'ann'
      if (ctx.path.startsWith('/logout')) ctx['session'] = null
      if (ctx.path.startsWith('/own')) ctx.set('Clear-Site-Data', '"cache"')
      if (ctx.path.endsWith('/now')) await ctx.liveSession.identify()
      if (ctx.path.endsWith('/leave')) await ctx.liveSession.leave()
      ctx.body = ctx.liveSession.get('division')
    },
  })
}

describe('threat 94: the Clear-Site-Data header', () => {
  const UNSEEN = '"prefetchCache", "prerenderCache"'
  const header = async (visitor: Visitor, path: string, init: RequestInit = {}): Promise<string | null> =>
    (await visitor.fetch(path, init)).headers.get('clear-site-data')

  it.each(['/logout/now', '/logout/leave', '/login/bob/now'])('drops prefetched pages at %s', async (path) => {
    const ann = (await start()).visitor()
    expect([await header(ann, '/login/now'), await header(ann, '/'), await header(ann, path)]).toEqual([
      null,
      null,
      UNSEEN,
    ])
  })

  it('comes with the next response after a sign-out without leave()', async () => {
    const ann = (await start()).visitor()
    await ann.fetch('/login/now')
    expect([await header(ann, '/logout'), await header(ann, '/'), await header(ann, '/')]).toEqual([null, UNSEEN, null])
  })

  it('keeps the app\u2019s own directives when a guest leaves', async () => {
    const app = await start()
    expect(await header(app.visitor(), '/logout/leave')).toBe(UNSEEN)
    expect(await header(app.visitor(), '/own/logout/leave')).toBe(`"cache", ${UNSEEN}`)
  })

  it('is absent over plain http, where browsers would report an error', async () => {
    const app = await start()
    app.koa.proxy = true
    const over = (proto: string): RequestInit => ({
      headers: { 'X-Forwarded-Host': 'shop.example', 'X-Forwarded-Proto': proto },
    })
    expect(await header(app.visitor(), '/logout/leave', over('http'))).toBeNull()
    expect(await header(app.visitor(), '/logout/leave', over('https'))).toBe(UNSEEN)
  })
})
