import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { LiveSessionProvider, useLiveSession as useInReact } from 'koa-live-session/react'
import { cookieFor } from 'koa-live-session/testing'
import { liveSessionPlugin, useLiveSession as useInVue } from 'koa-live-session/vue'
import { createElement, type ReactNode, Suspense, use } from 'react'
import { prerenderToNodeStream } from 'react-dom/static'
import { createSSRApp, defineComponent, h, Suspense as VueSuspense } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'

const KEYS = ['division', 'theme', 'role', 'secret'] as const

/** The app's view of a session, in a request or a handler. */
const view = (session: { get(key: (typeof KEYS)[number]): unknown }): string =>
  KEYS.map((key) => JSON.stringify(session.get(key))).join()

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

const SET = '3,"dark","editor","hush"'
const DEFAULTS = '-1,"light","guest",""'

/** Returns a function resolving with the view of the next connection handler. */
function handlersOf(app: App): () => Promise<string> {
  const found: string[] = []
  let tell = (): void => undefined
  app.io.on('connection', ({ liveSession }) => {
    found.push(view(liveSession))
    tell()
  })
  return async () => {
    while (found.length === 0) await awaited('a handler', new Promise<void>((resolve) => (tell = resolve)))
    return found.shift() ?? ''
  }
}

it("a request's HTML shows the changes of the same request", async () => {
  const app = await App.start({ routes })
  const visitor = app.visitor()
  expect(await visitor.text('/')).toContain(`<main>${DEFAULTS}</main>`)
  const html = await visitor.text('/set')
  expect(html).toContain(`<main>${SET}</main>`)
  expect(html).toContain('"values":{"division":3,"theme":"dark","cart":[],"role":"editor"}')
  expect(html.slice(html.indexOf('<script'))).not.toContain('hush')
})

describe('socket.liveSession in a connection handler', () => {
  it.each(['websocket', 'polling'] as const)(
    "has the HTML's values at first and after each reconnect: %s",
    async (transport) => {
      const app = await App.start({ routes })
      const next = handlersOf(app)
      const visitor = app.visitor()
      const html = await visitor.text('/set')
      const page = await visitor.open({ path: '/page', transports: [transport] })
      expect(html).toContain(`<main>${await next()}</main>`)
      for (let count = 0; count < 3; count += 1) {
        page.socket.disconnect().connect()
        expect(await next()).toBe(SET)
      }
    },
  )

  it("has changes made by requests and other tabs during the page's outage", async () => {
    const app = await App.start({ routes })
    const next = handlersOf(app)
    const visitor = app.visitor()
    await visitor.text('/')
    const page = await visitor.open({ path: '/page' })
    expect(await next()).toBe(DEFAULTS)
    page.socket.disconnect()
    await visitor.text('/set')
    await page.comeBack()
    expect(await next()).toBe(SET)
    page.socket.disconnect()
    const other = await visitor.open({ path: '/page' })
    expect(await next()).toBe(SET)
    await other.live.set('division', 4)
    await page.comeBack()
    expect(await next()).toBe('4,"dark","editor","hush"')
  })

  it("has the guest's values before a sign-in, and the user's after", async () => {
    const app = await App.start({ routes, before: (koa) => [auth(koa)], options: { identify } as never })
    const next = handlersOf(app)
    const visitor = app.visitor()
    await visitor.text('/set')
    const page = await visitor.open({ path: '/page' })
    expect(await next()).toBe(SET)
    // A sign-in transfers only fields with `client: 'write'`.
    const user = '3,"dark","guest",""'
    expect(await visitor.text('/login')).toContain(`<main>${user}</main>`)
    expect(await next()).toBe(user)
    await page.shows('role', 'guest')
  })
})

/** Renders a value before and after a wait. */
type Render = (live: LiveSessionClient, waited: Promise<void>) => Promise<string>

async function renderReact(live: LiveSessionClient, waited: Promise<void>): Promise<string> {
  const Value = (): ReactNode => String(useInReact('division')[0])
  const Later = (): ReactNode => {
    use(waited)
    return createElement(Value)
  }
  const page = createElement('p', null, createElement(Value), ' ', createElement(Suspense, null, createElement(Later)))
  const { prelude } = await prerenderToNodeStream(createElement(LiveSessionProvider, { live }, page))
  return text(prelude)
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

const textOf = (html: string): string => html.replace(/<[^>]*>/g, '')

describe.each<[string, Render]>([
  ['React', renderReact],
  ['Vue', renderVue],
])('a server that renders with %s', (_, render) => {
  it('shows each of many concurrent visitors their own values', async () => {
    const visitors = Array.from({ length: 25 }, (_, division) => division)
    const gate = new Gate()
    let rendering = 0
    const app = await App.start({
      routes: async (ctx) => {
        const live = createLiveSession({ initial: ctx.liveSession.snapshot() })
        const html = render(live as unknown as LiveSessionClient, gate.pass())
        rendering += 1
        if (rendering === visitors.length) gate.open()
        ctx.body = textOf(await html)
        live.close()
      },
    })
    const pages = await Promise.all(
      visitors.map((division) => app.visitor(cookieFor(app.live, { values: { division } })).text('/')),
    )
    expect(pages).toEqual(visitors.map((division) => `${division} ${division}`))
  })

  it('adds no listener or timer', async () => {
    const timers = (['setTimeout', 'setInterval'] as const).map((name) => callersOf(name))
    const client = createLiveSession({ initial: { division: 1 } })
    const [subscribe, onStatus] = [jest.fn(client.subscribe), jest.fn(client.onStatus)]
    expect(textOf(await render({ ...client, subscribe, onStatus } as never, Promise.resolve()))).toBe('1 1')
    client.close()
    for (const call of [subscribe, onStatus]) expect(call).not.toHaveBeenCalled()
    expect(timers.flat().filter((stack) => stack.includes(join(process.cwd(), 'client/')))).toEqual([])
  })
})

/** Returns the stacks, not the number, of all later calls, because the server sets timers of its own. */
function callersOf(name: 'setTimeout' | 'setInterval'): readonly string[] {
  const stacks: string[] = []
  const original: (...given: never[]) => unknown = globalThis[name]
  jest.spyOn(globalThis, name).mockImplementation(((...given: never[]) => {
    stacks.push(String(new Error('called').stack))
    return original(...given)
  }) as never)
  return stacks
}
