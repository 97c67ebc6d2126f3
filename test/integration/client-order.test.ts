import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import type { Page } from '../support/page/page.js'

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
}

/** An app whose socket handler answers `view` with what the session has by then. */
async function start(): Promise<{
  readonly app: App
  readonly views: unknown[]
  viewed(count: number): Promise<void>
}> {
  const app = await App.start({ routes })
  const views: unknown[] = []
  let arrived = (): void => undefined
  app.io.on('connection', (socket) => {
    socket.on('view', () => {
      views.push(socket.liveSession.get('division'))
      arrived()
    })
  })
  const viewed = async (count: number): Promise<void> => {
    while (views.length < count) await new Promise<void>((resolve) => (arrived = resolve))
  }
  return { app, views, viewed }
}

/** Asks for the view whenever the value changes. */
function follow(page: Page): unknown[] {
  const shown: unknown[] = []
  page.live.onChange(({ key, value }) => {
    shown.push([key, value])
    page.socket.emit('view')
  })
  return shown
}

describe('a listener that asks the server for a view', () => {
  it.each<[string, (page: Page) => unknown, unknown]>([
    ['set', ({ live }) => live.set('division', 5), 5],
    ['field().set', ({ live }) => live.field('division').set(5), 5],
    ['field().update', ({ live }) => live.field('division').update((division) => division + 6), 5],
    ['delete', ({ live }) => live.delete('division'), -1],
  ])('gets that of the value which %s has just shown, and is told at once', async (_, change, value) => {
    const { app, views, viewed } = await start()
    const page = await app.visitor().open({ path: '/' })
    await page.connected()
    await page.live.set('division', 1)
    if (value === 5) await page.live.delete('division')
    const shown = follow(page)
    change(page)
    expect([page.live.get('division'), shown]).toEqual([value, [['division', value]]])
    await viewed(1)
    expect(views).toEqual([value])
  })

  it('gets the right one at each of several sets in one turn', async () => {
    const { app, views, viewed } = await start()
    const page = await app.visitor().open({ path: '/' })
    await page.connected()
    follow(page)
    void page.live.set('division', 1)
    void page.live.set('theme', 'dark')
    await viewed(2)
    expect(views).toEqual([1, 1])
  })

  it('gets that of the very first set, made as soon as the socket is connected', async () => {
    const { app, views, viewed } = await start()
    const page = await app.visitor().open({ path: '/' })
    const shown = follow(page)
    await new Promise<void>((resolve) => {
      page.socket.on('connect', () => {
        void page.live.set('division', 5)
        resolve()
      })
    })
    expect(page.live.get('division')).toBe(5)
    await viewed(1)
    expect([views, shown]).toEqual([[5], [['division', 5]]])
  })
})
