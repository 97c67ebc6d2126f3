import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { createLiveSession } from 'koa-live-session/client'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'

const DEFAULT = { status: 'default' }
const SAVED = { status: 'saved' }

/** The statuses of a page as the server would render them. */
const routes: Koa.Middleware = async (ctx) => {
  if (ctx.path === '/delete') void ctx.liveSession.delete('division')
  const snapshot = ctx.liveSession.snapshot()
  const live = createLiveSession({ initial: snapshot })
  const rendered = ['division', 'theme'].map((key) => live.status(key))
  live.close()
  ctx.body = ctx.path === '/rendered' ? rendered : snapshot
}

describe('the status of a key that', () => {
  it.each([true, false])('was never set is that it has its default (with a socket: %s)', async (hasSocket) => {
    const app = await App.start({ routes })
    const page = await app.visitor().open({ path: '/', hasSocket })
    const { live } = page
    expect([live.status('division'), live.status()]).toEqual([DEFAULT, DEFAULT])
    const told: unknown[] = []
    live.onStatus((key, { status }) => told.push([key, status]))
    if (hasSocket) await page.connected()
    await live.set('theme', 'dark')
    expect([live.status('division'), live.status('theme'), live.status()]).toEqual([DEFAULT, SAVED, SAVED])
    expect(told).toEqual([
      ['theme', 'saving'],
      ['theme', 'saved'],
    ])
  })

  it('was never set is the same where the page brings no values along, or plain ones', async () => {
    const app = await App.start({ routes })
    const { live } = await app.visitor().open()
    await live.ready
    expect([live.status('division'), live.status()]).toEqual([DEFAULT, DEFAULT])
    const plain = createLiveSession({ initial: { division: 3 } })
    expect([plain.status('division'), plain.status()]).toEqual([DEFAULT, DEFAULT])
    plain.close()
  })

  it('came with the page and its cookie is saved, and is told of only when it changes', async () => {
    const app = await App.start({ routes })
    const page = await app.visitor(cookieFor(app.live, { values: { division: 4 } })).open({ path: '/' })
    expect([page.live.status('division'), page.live.status('theme')]).toEqual([SAVED, DEFAULT])
    const told: unknown[] = []
    page.live.onStatus((key, { status }) => told.push([key, status]))
    await page.live.set('theme', 'dark')
    expect(told.filter((one) => String(one).startsWith('division'))).toEqual([])
  })

  it('was deleted is saved once the cookie has seen it go', async () => {
    const app = await App.start({ routes })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const { live } = await visitor.open({ path: '/' })
    await live.delete('division')
    expect([live.status('division'), live.has('division')]).toEqual([SAVED, false])
    expect((await visitor.open({ path: '/' })).live.status('division')).toEqual(SAVED)
  })

  it('was refused and never set before stays rejected', async () => {
    const app = await App.start({ routes })
    const { live } = await app.visitor().open({ path: '/' })
    await live.set('division', 'x' as never).catch(() => undefined)
    expect([live.status('division').status, live.get('division')]).toEqual(['rejected', -1])
  })

  it('is rendered by the server is the one that the page begins with', async () => {
    const app = await App.start({ routes })
    const known = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    for (const visitor of [app.visitor(), known]) {
      const rendered = await (await visitor.fetch('/rendered')).json()
      const { live } = await visitor.open({ path: '/', hasSocket: false })
      expect([live.status('division'), live.status('theme')]).toEqual(rendered)
    }
  })
})
