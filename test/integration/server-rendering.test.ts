import { Writable } from 'node:stream'
import { describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { LiveSessionProvider, useLiveSession as useInReact } from 'koa-live-session/react'
import { cookieFor } from 'koa-live-session/testing'
import { liveSessionPlugin, useLiveSession as useInVue } from 'koa-live-session/vue'
import { createElement, type ReactNode, Suspense, use } from 'react'
import { renderToPipeableStream } from 'react-dom/server'
import { createSSRApp, defineComponent, h, Suspense as VueSuspense } from 'vue'
import { renderToString } from 'vue/server-renderer'
import { App } from '../support/app.js'

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
