import { afterEach, describe, expect, it } from '@jest/globals'
import { createLiveSession } from 'koa-live-session/client'
import { App, type AppFields } from '../support/app.js'

const { fetch } = globalThis
afterEach(() => {
  Object.assign(globalThis, { fetch })
  for (const name of ['origin', 'location']) Reflect.deleteProperty(globalThis, name)
})

describe('a client in a Web Worker, which has an origin and no document', () => {
  it('brings values, and saves what it sets', async () => {
    const app = await App.start({
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor()
    Object.assign(globalThis, {
      origin: app.url,
      location: new URL('/worker.js', app.url),
      fetch: (path: string, init: RequestInit) =>
        path === '/store_session' ? visitor.store(String(init.body)) : fetch(path, init),
    })
    const live = createLiveSession<AppFields>()
    await live.ready
    expect(live.get('division')).toBe(-1)
    await live.set('division', 3)
    live.close()
    expect(await visitor.text('/')).toBe('3')
  })
})
