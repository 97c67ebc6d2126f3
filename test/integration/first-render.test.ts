import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app.js'
import { auth, identify } from '../support/auth.js'
import type { Page } from '../support/page.js'

/** The app's own view, of a request or of a socket. */
interface Values {
  get(key: 'division' | 'theme' | 'role' | 'secret'): unknown
}
const view = (session: Values): string =>
  (['division', 'theme', 'role', 'secret'] as const).map((key) => JSON.stringify(session.get(key))).join()

/** At `/` the view, and what a script needs; else signs in or out, or sets, and answers with a snapshot at `/page`. */
const routes: Koa.Middleware = async (ctx) => {
  const { liveSession } = ctx
  if (ctx.path === '/set') await liveSession.setMany({ division: 3, theme: 'dark', role: 'editor', secret: 'hush' })
  if (ctx.path === '/login') {
    ctx['session'].user = 'ann'
    await liveSession.identify()
  }
  if (ctx.path === '/page') ctx.body = liveSession.snapshot()
  else ctx.body = `<main>${view(liveSession)}</main>${liveSession.embed()}`
}

/** What the first handlers of connections find, one after the other. */
class FirstHandlers {
  readonly #found: string[] = []
  #waiting: (() => void) | undefined

  constructor(app: App, ...namespaces: readonly string[]) {
    for (const name of ['/', ...namespaces])
      app.io.of(name).on('connection', ({ liveSession }) => {
        this.#found.push(view(liveSession))
        this.#waiting?.()
      })
  }

  async next(): Promise<string> {
    while (this.#found.length === 0) await new Promise<void>((resolve) => (this.#waiting = resolve))
    return this.#found.shift() ?? ''
  }
}

const SET = '3,"dark","editor","hush"'
const DEFAULTS = '-1,"light","guest",""'

describe('the first HTML', () => {
  it('shows what was set in the very same request, and what the page’s script shows', async () => {
    const app = await App.start({ routes })
    const visitor = app.visitor()
    expect(await visitor.text('/')).toContain(`<main>${DEFAULTS}</main>`)
    const html = await visitor.text('/set')
    expect(html).toContain(`<main>${SET}</main>`)
    expect(html).toContain('"values":{"division":3,"theme":"dark","cart":[],"role":"editor"}')
    expect(html.slice(html.indexOf('<script'))).not.toContain('hush')
  })
})

describe('socket.liveSession in a connection handler', () => {
  it.each([
    ['websocket', ['websocket']],
    ['polling', ['polling']],
  ] as const)(
    'is there at once, with the values of the HTML, and again after every reconnect: %s',
    async (_, transports) => {
      const app = await App.start({ routes })
      const first = new FirstHandlers(app)
      const visitor = app.visitor()
      const html = await visitor.text('/set')
      const page = await visitor.open({ path: '/page', transports })
      expect(html).toContain(`<main>${await first.next()}</main>`)
      for (let count = 0; count < 3; count += 1) {
        page.socket?.disconnect().connect()
        expect(await first.next()).toBe(SET)
      }
    },
  )

  it('has what was set while the page had no connection, by a request and by another tab', async () => {
    const app = await App.start({ routes })
    const first = new FirstHandlers(app)
    const visitor = app.visitor()
    await visitor.text('/')
    const page = await visitor.open({ path: '/page' })
    expect(await first.next()).toBe(DEFAULTS)
    page.socket?.disconnect()
    await visitor.text('/set')
    await page.comeBack()
    expect(await first.next()).toBe(SET)
    page.socket?.disconnect()
    const other = await visitor.open({ path: '/page' })
    expect(await first.next()).toBe(SET)
    await other.live.set('division', 4)
    await page.comeBack()
    expect(await first.next()).toBe('4,"dark","editor","hush"')
  })

  it('is there again after the server was killed and started, with all that the cookie may say', async () => {
    const before = await App.start({ routes })
    const visitor = before.visitor()
    await visitor.text('/set')
    const page = await visitor.open({ path: '/page' })
    await page.reaches('division', 'saved')
    const { port } = before
    await before.stop({ isCrash: true })
    const after = await App.start({ routes, port })
    const first = new FirstHandlers(after)
    expect(await first.next()).toBe('3,"dark","editor",""')
    expect(await visitor.text('/')).toContain('<main>3,"dark","editor",""</main>')
  })

  it('is the user’s after a sign-in, the guest’s before it', async () => {
    const app = await App.start({ routes, before: (koa) => [auth(koa)], options: { identify } as never })
    const first = new FirstHandlers(app)
    const visitor = app.visitor()
    await visitor.text('/set')
    const page: Page = await visitor.open({ path: '/page' })
    expect(await first.next()).toBe(SET)
    const html = await visitor.text('/login')
    // What only the server may write does not cross.
    expect(html).toContain('<main>3,"dark","guest",""</main>')
    expect(await first.next()).toBe('3,"dark","guest",""')
    await page.shows('role', 'guest')
  })
})

describe('a view that was rendered in a request', () => {
  it('goes on over the socket with the same values, and follows each change once', async () => {
    const app = await App.start({ routes })
    app.io.on('connection', (socket) => {
      socket.liveSession.subscribe('division', () => socket.emit('view', view(socket.liveSession)))
    })
    const visitor = app.visitor()
    const html = await visitor.text('/set')
    const page = await visitor.open({ path: '/page' })
    const views: string[] = []
    const shown = (count: number): Promise<void> =>
      new Promise((resolve) => {
        if (views.length >= count) return resolve()
        page.socket?.on('view', () => views.length >= count && resolve())
      })
    page.socket?.on('view', (text: string) => views.push(text))
    await shown(1)
    expect(html).toContain(`<main>${views[0]}</main>`)
    await page.live.set('division', 4)
    await shown(2)
    expect(views).toEqual([SET, '4,"dark","editor","hush"'])
    expect(await visitor.text('/')).toContain(`<main>${views[1]}</main>`)
  })
})
