import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient, type StatusDetail } from 'koa-live-session/client'
import { liveSessionPlugin, useLiveSession } from 'koa-live-session/vue'
import {
  type App,
  type Component,
  createApp,
  createSSRApp,
  defineComponent,
  effectScope,
  h,
  isReadonly,
  nextTick,
  type Ref,
  ref,
} from 'vue'
import { present } from '../support/app/present.js'
import { turn } from '../support/app/within.js'
import { bareClient } from '../support/page/bare-client.js'

interface Field {
  readonly value: Ref<unknown>
  readonly status: Ref<StatusDetail>
}
/** As an app sees it that has registered its fields. */
const useField = useLiveSession as unknown as (key: string) => Field

const apps: App[] = []
afterEach(() => {
  for (const app of apps.splice(0)) app.unmount()
  document.body.replaceChildren()
})

/** Mounted into a page, by default a blank one. */
function mount(live: LiveSessionClient, component: Component, create = createApp, html = ''): HTMLElement {
  const container = document.body.appendChild(document.createElement('main'))
  container.innerHTML = html
  const app = create(component).use(liveSessionPlugin(live))
  apps.push(app)
  app.mount(container)
  return container
}

/** A component, what it was given, and what it has rendered. */
function watcher(key = 'division'): { readonly Watch: Component; readonly seen: string[]; field(): Field } {
  const seen: string[] = []
  let given: Field | undefined
  const Watch = defineComponent(() => {
    const field = useField(key)
    given = field
    return () => {
      const text = `${field.value.value} ${field.status.value.status}`
      seen.push(text)
      return h('output', text)
    }
  })
  const field = (): Field => given ?? useField(key)
  return { Watch, seen, field }
}

describe('useLiveSession of Vue', () => {
  it('shows a value that is set, with how far it has got', async () => {
    const { live, untyped } = bareClient()
    const container = mount(untyped, watcher().Watch)
    expect(container.textContent).toBe('1 default')
    void live.set('division', 2)
    await nextTick()
    expect(container.textContent).toBe('2 saving')
  })

  it('computes a value from the newest one', () => {
    const { live, untyped } = bareClient()
    const { Watch, field } = watcher()
    mount(untyped, Watch)
    field().value.value = (division: number) => division + 1
    field().value.value = (division: number) => division + 1
    expect([live.get('division'), field().value.value]).toEqual([3, 3])
  })

  it('sets a value, which is there on the next line', () => {
    const { live, untyped } = bareClient()
    const { Watch, field } = watcher()
    mount(untyped, Watch)
    field().value.value = 7
    expect([live.get('division'), field().value.value, field().status.value]).toEqual([7, 7, { status: 'saving' }])
  })

  it('shows in the status that a value was refused, and leaves no rejection unhandled', async () => {
    const unhandled = jest.fn()
    process.on('unhandledRejection', unhandled)
    const refusal = { error: { code: 'invalid_value', key: 'division' } }
    const answer = { ok: false, status: 400, headers: new Headers(), json: async () => refusal }
    const { live, untyped } = bareClient(async () => answer as unknown as Response)
    const { Watch, field } = watcher()
    mount(untyped, Watch)
    const rejected = new Promise<void>((resolve) => {
      live.onStatus((_, { status }) => status === 'rejected' && resolve())
    })
    field().value.value = 7
    await rejected
    await turn()
    expect([field().value.value, field().status.value]).toEqual([1, { status: 'rejected', reason: 'invalid_value' }])
    expect(unhandled).not.toHaveBeenCalled()
    process.off('unhandledRejection', unhandled)
  })

  it('gives a status that is for reading only', () => {
    const { untyped } = bareClient()
    const { Watch, field } = watcher()
    mount(untyped, Watch)
    expect(isReadonly(field().status)).toBe(true)
  })

  it('is not rendered again for what happens to other keys', async () => {
    const { live, untyped } = bareClient()
    const { Watch, seen } = watcher()
    mount(untyped, Watch)
    void live.set('cart', ['b'])
    await nextTick()
    expect(seen).toEqual(['1 default'])
  })

  it('listens no more once its component is unmounted', async () => {
    const { live, untyped, listeners } = bareClient()
    const isShown = ref(true)
    const { Watch } = watcher()
    const container = mount(untyped, () => (isShown.value ? h(Watch) : 'gone'))
    expect(listeners()).toBe(2)
    isShown.value = false
    await nextTick()
    expect([container.textContent, listeners()]).toEqual(['gone', 0])
    void live.set('division', 3)
    isShown.value = true
    await nextTick()
    expect([container.textContent, listeners()]).toEqual(['3 saving', 2])
  })

  it('ends with its scope, where that is not a component', () => {
    const { live, untyped, listeners } = bareClient()
    const app = createApp({}).use(liveSessionPlugin(untyped))
    const scope = effectScope()
    const field = scope.run(() => app.runWithContext(() => useField('division')))
    void live.set('division', 2)
    expect([field?.value.value, listeners()]).toEqual([2, 2])
    scope.stop()
    expect(listeners()).toBe(0)
  })

  it('hydrates what the server has rendered, and then shows what the page knows by now', async () => {
    const warn = jest.spyOn(console, 'warn')
    const { live, untyped, listeners } = bareClient()
    void live.set('division', 2)
    const { Watch, seen } = watcher()
    const container = mount(untyped, Watch, createSSRApp, '<output>1 default</output>')
    const rendered = container.firstChild
    expect(seen).toEqual(['1 default'])
    await nextTick()
    expect([container.textContent, container.firstChild === rendered]).toEqual(['2 saving', true])
    expect([warn.mock.calls, listeners()]).toEqual([[], 2])
    present(apps.pop()).unmount()
    expect(listeners()).toBe(0)
  })

  it('does not go back to what the server has rendered when it is mounted later', async () => {
    const { live, untyped } = bareClient()
    const isShown = ref(false)
    const { Watch, seen } = watcher()
    // One and the same node each time, which keeps the element that it had.
    const node = h(Watch)
    mount(untyped, () => (isShown.value ? node : null), createSSRApp, '<!---->')
    void live.set('division', 2)
    for (const value of [true, false, true]) {
      isShown.value = value
      await nextTick()
    }
    expect(seen).toEqual(['2 saving', '2 saving'])
  })

  it('says what to do where the app does not use the plugin', () => {
    const { Watch } = watcher()
    const app = createApp(Watch)
    app.config.warnHandler = () => undefined
    expect(() => app.mount(document.createElement('main'))).toThrow(
      new TypeError('koa-live-session: no app.use(liveSessionPlugin(live))'),
    )
  })

  it('says what to do where the first values are not known yet', () => {
    const live = createLiveSession()
    const app = createApp(watcher().Watch).use(liveSessionPlugin(live))
    app.config.warnHandler = () => undefined
    expect(() => app.mount(document.createElement('main'))).toThrow(/await live\.ready/)
    live.close()
  })
})
