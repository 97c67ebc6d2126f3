import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'

const routes: Koa.Middleware = (ctx) => {
  ctx.body = String(ctx.liveSession.get('division'))
}

const start = (key: string): Promise<App> => App.start({ routes, options: { key } })

/** The same value and signature under another name. */
const renamed = (cookie: string, from: string, to: string): string =>
  cookie.replaceAll(new RegExp(`(^|; )${from}(\\.sig)?=`, 'g'), `$1${to}$2=`)

describe('threat 54: two apps with the same keys', () => {
  it('take no cookie of each other under another name, which is part of what is signed', async () => {
    const [one, other] = [await start('one'), await start('other')]
    const cookie = cookieFor(one.live, { values: { division: 7 } })
    expect(await one.visitor(cookie).text('/')).toBe('7')
    const moved = renamed(cookie, 'one', 'other')
    expect(moved).toMatch(/^other=.*; other\.sig=/)
    expect(await other.visitor(moved).text('/')).toBe('-1')
  })

  it('take each other’s cookies where the name is the same, too, as docs/security.md says', async () => {
    const [one, other] = [await start('same'), await start('same')]
    expect(await other.visitor(cookieFor(one.live, { values: { division: 7 } })).text('/')).toBe('7')
  })
})
