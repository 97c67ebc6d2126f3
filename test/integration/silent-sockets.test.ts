import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { storeSession } from 'koa-live-session/hook'
import { App } from '../support/app/app.js'
import { awaited, once } from '../support/app/awaited.js'
import { Visitor } from '../support/app/visitor.js'
import { Page } from '../support/page/page.js'
import { FaultProxy } from '../support/servers/fault-proxy.js'

/** Timers of socket exchanges, which the test ends. */
let patience: (() => void)[] = []

beforeEach(() => {
  patience = []
  const { setTimeout: wait } = globalThis
  const hold = (act: () => void, ms: number): unknown => (ms === 4000 ? patience.push(act) : wait(act, ms))
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(hold as never)
  Object.assign(globalThis, { addEventListener: () => undefined, removeEventListener: () => undefined })
})

afterEach(() => void jest.restoreAllMocks())

async function start() {
  const app = await App.start({
    routes: (ctx) => {
      ctx.body = ctx.path === '/read' ? ctx.liveSession.get('cart') : ctx.liveSession.snapshot()
    },
  })
  const { port } = app
  const network = await FaultProxy.start(() => port)
  const opened: { close(): unknown }[] = []
  const visitor = new Visitor(network.url)
  await visitor.text('/')
  /** From now on, open connections stay open but deliver nothing. */
  const fallSilent = (): void => {
    network.hold('to server')
    network.hold('to page')
  }
  const timeOut = (): void => {
    for (const act of patience.splice(0)) act()
  }
  const open = async (): Promise<Page> => {
    const page = await Page.open(visitor, { path: '/' })
    opened.push(page)
    await page.connected()
    return page
  }
  const end = async (): Promise<void> => {
    for (const one of opened) one.close()
    await network.stop()
  }
  return { app, network, visitor, opened, open, fallSilent, timeOut, end }
}

describe('a silent socket', () => {
  it('is replaced after an unanswered update, which applies once', async () => {
    const { app, network, visitor, open, fallSilent, timeOut, end } = await start()
    const page = await open()
    const former = page.socket?.id ?? ''
    fallSilent()
    const saved = page.live.update('cart', (cart) => [...cart, 'a'])
    timeOut()
    await saved
    expect(page.socket?.id).not.toBe(former)
    const ended = new Promise((resolve) => app.io.sockets.sockets.get(former)?.once('disconnect', resolve))
    network.release()
    await awaited('the end of the connection', ended)
    expect(await visitor.text('/read')).toBe('["a"]')
    await end()
  })

  it('does not overwrite a later set with its delayed packet', async () => {
    const { app, network, visitor, open, fallSilent, timeOut, end } = await start()
    const page = await open()
    // Waits for the greeting, because only a greeted connection sends a change immediately.
    await page.live.set('theme', 'dark')
    const former = page.socket?.id ?? ''
    fallSilent()
    const first = page.live.set('cart', ['a'])
    await network.met()
    timeOut()
    await first
    await page.live.set('cart', ['b'])
    const arrived = new Promise((resolve) => app.io.sockets.sockets.get(former)?.onAny(resolve))
    network.deliver()
    await awaited('the packet', arrived)
    expect(await visitor.text('/read')).toBe('["b"]')
    await end()
  })

  it('is replaced by the small hook if no greeting arrives', async () => {
    const { visitor, network, opened, fallSilent, timeOut, end } = await start()
    const { io } = await visitor.connect()
    fallSilent()
    opened.push({ close: storeSession(io) }, io)
    const again = once(io, 'connect')
    timeOut()
    await again
    expect(network.held).toBeGreaterThan(0)
    await end()
  })
})
