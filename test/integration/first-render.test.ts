import { Writable } from 'node:stream'
import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { LiveSessionProvider, useLiveSession as useInReact } from 'koa-live-session/react'
import { cookieFor } from 'koa-live-session/testing'
import { liveSessionPlugin, useLiveSession as useInVue } from 'koa-live-session/vue'
import { createElement, type ReactNode, Suspense, use } from 'react'
import { renderToPipeableStream } from 'react-dom/server'
import { createSSRApp, defineComponent, h, Suspense as VueSuspense } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import type { Page } from '../support/page/page.js'

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
        page.socket.disconnect().connect()
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
    page.socket.disconnect()
    await visitor.text('/set')
    await page.comeBack()
    expect(await first.next()).toBe(SET)
    page.socket.disconnect()
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
        page.socket.on('view', () => views.length >= count && resolve())
      })
    page.socket.on('view', (text: string) => views.push(text))
    await shown(1)
    expect(html).toContain(`<main>${views[0]}</main>`)
    await page.live.set('division', 4)
    await shown(2)
    expect(views).toEqual([SET, '4,"dark","editor","hush"'])
    expect(await visitor.text('/')).toContain(`<main>${views[1]}</main>`)
  })
})

/** Renders a value before and after it had to wait for something. */
type Render = (live: LiveSessionClient, waited: Promise<void>) => Promise<string>

function renderReact(live: LiveSessionClient, waited: Promise<void>): Promise<string> {
  const Value = (): ReactNode => String(useInReact('division')[0])
  const Later = (): ReactNode => {
    use(waited)
    return createElement(Value)
  }
  const page = createElement('p', null, createElement(Value), ' ', createElement(Suspense, null, createElement(Later)))
  return new Promise((resolve, reject) => {
    let html = ''
    const sink = new Writable({
      write: (chunk, _, done) => {
        html += String(chunk)
        done()
      },
      final: (done) => {
        resolve(html.replaceAll('<!-- -->', ''))
        done()
      },
    })
    const { pipe } = renderToPipeableStream(createElement(LiveSessionProvider, { live }, page), {
      onAllReady: () => pipe(sink),
      onError: reject,
    })
  })
}

function renderVue(live: LiveSessionClient, waited: Promise<void>): Promise<string> {
  const Value = defineComponent(() => {
    const { value } = useInVue('division')
    return () => String(value.value)
  })
  const Later = defineComponent({
    async setup() {
      await waited
      return () => h(Value)
    },
  })
  const page = (): unknown => h('p', [h(Value), ' ', h(VueSuspense, null, { default: () => h(Later) })])
  return renderToString(createSSRApp(defineComponent(() => page as never)).use(liveSessionPlugin(live)))
}

/** What a visitor would see of it. */
const text = (html: string): string => html.replace(/<[^>]*>/g, '')

describe.each<[string, Render]>([
  ['React', renderReact],
  ['Vue', renderVue],
])('a page that the server renders with %s', (_, render) => {
  it('shows each visitor their own values, though many are rendered at once', async () => {
    const visitors = Array.from({ length: 25 }, (_, division) => division)
    let rendering = 0
    let goOn = (): void => undefined
    const waited = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const app = await App.start({
      routes: async (ctx) => {
        const live = createLiveSession({ initial: ctx.liveSession.snapshot() })
        const html = render(live as unknown as LiveSessionClient, waited)
        rendering += 1
        if (rendering === visitors.length) goOn()
        ctx.body = text(await html)
        live.close()
      },
    })
    const pages = await Promise.all(
      visitors.map((division) => app.visitor(cookieFor(app.live, { values: { division } })).text('/')),
    )
    expect(pages).toEqual(visitors.map((division) => `${division} ${division}`))
  })

  it('leaves no listener, and no timer that would keep the process from ending', async () => {
    const timers = [jest.spyOn(globalThis, 'setTimeout'), jest.spyOn(globalThis, 'setInterval')]
    const client = createLiveSession({ initial: { division: 1 } })
    const listeners: string[] = []
    const live: LiveSessionClient = {
      ...client,
      subscribe: (key, listener) => {
        listeners.push(key)
        return client.subscribe(key, listener)
      },
      onStatus: (listener) => {
        listeners.push('status')
        return client.onStatus(listener)
      },
    }
    expect(text(await render(live, Promise.resolve()))).toBe('1 1')
    client.close()
    expect(listeners).toEqual([])
    for (const timer of timers) expect(timer).not.toHaveBeenCalled()
  })
})
