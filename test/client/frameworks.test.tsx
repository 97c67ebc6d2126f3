/** @jsxImportSource react */
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient, type StatusDetail } from 'koa-live-session/client'
import { LiveSessionProvider, useLiveSession } from 'koa-live-session/react'
import { testClient } from 'koa-live-session/testing'
import { liveSessionPlugin, useLiveSession as useVue } from 'koa-live-session/vue'
import { act, type ReactNode, StrictMode, startTransition, useEffect, useLayoutEffect } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { createApp, createSSRApp, defineComponent, effectScope, h, isReadonly, nextTick, type Ref, ref } from 'vue'
import { appFields } from '../support/app/app.js'
import { turn } from '../support/app/within.js'
import { bareClient } from '../support/page/bare-client.js'
import { GreetingSocket } from '../support/page/greeting-socket.js'

type ReactField = readonly [unknown, (value: unknown) => Promise<void>, StatusDetail]
interface VueField {
  readonly value: Ref<unknown>
  readonly status: Ref<StatusDetail['status']>
  readonly reason: Ref<StatusDetail['reason']>
}
// The types are as in an app with registered fields.
const useReactField = useLiveSession as unknown as (key: string) => ReactField
const useVueField = useVue as unknown as (key: string) => VueField
const textOf = (value: unknown, { status, reason }: StatusDetail): string => `${value} ${reason ?? status}`

/** A mounted component showing the field `division`. */
interface Mounted {
  readonly container: HTMLElement
  readonly seen: readonly string[]
  readonly errors: jest.Mock
  set(value: unknown): void
  show(isShown: boolean): void
}
interface Framework {
  /** @param live undefined to mount without a provider; @param html rendered by the server */
  mount(live: LiveSessionClient | undefined, html?: string): Mounted
  rendered(action: () => unknown): Promise<void>
}

const ends: (() => void)[] = []
function createContainer(html = ''): HTMLElement {
  const container = document.body.appendChild(document.createElement('main'))
  container.innerHTML = html
  return container
}
function openRoot(container = createContainer()): Root {
  const root = createRoot(container)
  ends.push(() => act(() => root.unmount()))
  return root
}
function within(live: LiveSessionClient, children: ReactNode): ReactNode {
  return <LiveSessionProvider live={live}>{children}</LiveSessionProvider>
}

/** Lets React itself choose when to render, as in an app. */
async function withoutAct(action: () => Promise<void>): Promise<void> {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false })
  try {
    await action()
  } finally {
    Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  }
}

function reactWatcher() {
  const fields: ReactField[] = []
  const seen: string[] = []
  const Watch = ({ name = 'division' }: { readonly name?: string }): ReactNode => {
    const field = useReactField(name)
    const text = textOf(field[0], field[2])
    fields.push(field)
    seen.push(text)
    return <output>{text}</output>
  }
  return { fields, seen, Watch }
}

/** A component that sets the field `division` to the same value in each effect, but not for ever. */
function reactKeeper(kept: number, useEach: typeof useEffect) {
  const seen: string[] = []
  const Keep = (): ReactNode => {
    const [value, set, status] = useReactField('division')
    seen.push(textOf(value, status))
    useEach(() => void (seen.length < 9 && set(kept)))
    return null
  }
  return { seen, Keep }
}

const react: Framework = {
  mount(live, html) {
    const { fields, seen, Watch } = reactWatcher()
    const errors = jest.fn()
    const container = createContainer(html)
    const tree = (isShown: boolean): ReactNode => (live ? within(live, isShown && <Watch />) : <Watch />)
    let root: Root | undefined
    act(() => {
      if (html) root = hydrateRoot(container, tree(true), { onRecoverableError: errors })
      else root = createRoot(container)
      if (!html) root.render(tree(true))
    })
    ends.push(() => act(() => root?.unmount()))
    return {
      container,
      seen,
      errors,
      set: (value) => void fields[0]?.[1](value).catch(() => undefined),
      show: (isShown) => root?.render(tree(isShown)),
    }
  },
  rendered: (action) => act(async () => void (await action())),
}

function vueWatcher() {
  const seen: string[] = []
  const fields: VueField[] = []
  const Watch = defineComponent(() => {
    const field = useVueField('division')
    fields.push(field)
    return () => {
      const text = `${field.value.value} ${field.reason.value ?? field.status.value}`
      seen.push(text)
      return h('output', text)
    }
  })
  return { seen, fields, Watch }
}

const vue: Framework = {
  mount(live, html) {
    const { seen, fields, Watch } = vueWatcher()
    const isShown = ref(true)
    // A single node, which keeps its element while the node is removed.
    const node = h(Watch)
    const container = createContainer(html)
    const app = (html ? createSSRApp : createApp)(() => (isShown.value ? node : null))
    const errors = jest.fn()
    app.config.warnHandler = errors
    if (live) app.use(liveSessionPlugin(live))
    app.mount(container)
    ends.push(() => app.unmount())
    return {
      container,
      seen,
      errors,
      set: (value) => {
        for (const field of fields.slice(0, 1)) field.value.value = value
      },
      show: (is) => {
        isShown.value = is
      },
    }
  },
  rendered: async (action) => {
    await action()
    await nextTick()
  },
}

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
afterEach(() => {
  for (const end of ends.splice(0)) end()
  document.body.replaceChildren()
})

describe.each([
  ['React', react, 'koa-live-session: useLiveSession("division"): no <LiveSessionProvider live={live}> above'],
  ['Vue', vue, 'koa-live-session: no app.use(liveSessionPlugin(live))'],
])('useLiveSession of %s', (_, { mount, rendered }, withoutProvider) => {
  it('shows a change with its status', async () => {
    const { live, untyped } = bareClient()
    const { container } = mount(untyped)
    expect(container.textContent).toBe('1 default')
    await rendered(() => void live.set('division', 2))
    expect(container.textContent).toBe('2 saving')
  })

  it('sets a value, and updates the newest value', async () => {
    const { live, untyped } = bareClient()
    const { container, set } = mount(untyped)
    await rendered(() => set(7))
    const increment = (division: number): number => division + 1
    await rendered(() => {
      set(increment)
      set(increment)
    })
    expect([live.get('division'), container.textContent]).toEqual([9, '9 saving'])
  })

  it('ignores changes of other keys', async () => {
    const { live, untyped } = bareClient()
    const { seen } = mount(untyped)
    await rendered(() => void live.set('cart', ['b']))
    expect(seen).toEqual(['1 default'])
  })

  it('stops listening when unmounted, and shows the current value later', async () => {
    const { live, untyped, listeners } = bareClient()
    const { container, show } = mount(untyped)
    expect(listeners()).toBe(2)
    await rendered(() => show(false))
    expect([container.textContent, listeners()]).toEqual(['', 0])
    void live.set('division', 3)
    await rendered(() => show(true))
    expect([container.textContent, listeners()]).toEqual(['3 saving', 2])
  })

  it('hydrates the server’s value, then shows the current value', async () => {
    const { live, untyped, listeners } = bareClient()
    void live.set('division', 2)
    const { container, seen, errors, show } = mount(untyped, '<output>1 default</output>')
    const output = container.querySelector('output')
    await rendered(() => undefined)
    expect(seen).toEqual(['1 default', '2 saving'])
    expect([container.textContent, output?.isConnected, errors.mock.calls]).toEqual(['2 saving', true, []])
    await rendered(() => show(false))
    expect(listeners()).toBe(0)
    await rendered(() => show(true))
    expect(seen).toEqual(['1 default', '2 saving', '2 saving'])
  })

  it('explains a missing provider and missing first values', () => {
    expect(() => mount(undefined)).toThrow(TypeError)
    expect(() => mount(undefined)).toThrow(withoutProvider)
    const live = createLiveSession()
    expect(() => mount(live)).toThrow(/await live\.ready/)
    live.close()
  })

  it('shows local, remote, refused and offline changes of a testClient', async () => {
    const live = testClient(appFields, { division: 3 })
    const { container, set } = mount(live as unknown as LiveSessionClient)
    const show = async (...actions: readonly (() => unknown)[]): Promise<unknown> => {
      for (const action of actions) await rendered(action)
      return container.textContent
    }
    expect(container.textContent).toBe('3 saved')
    expect(await show(() => set(4), live.flush)).toBe('4 saved')
    expect(await show(() => live.receive({ division: 9 }))).toBe('9 saved')
    live.refuseNext('superseded')
    expect(await show(() => set(1), live.flush)).toBe('9 superseded')
    live.offline()
    expect(await show(() => set((division: number) => division + 1), live.flush)).toBe('10 offline')
    expect(await show(live.online, live.flush)).toBe('10 saved')
  })
})

describe('useLiveSession of React', () => {
  it('returns the same function, value and status while nothing changes', () => {
    const { live, untyped } = bareClient()
    const { fields, Watch } = reactWatcher()
    const root = openRoot()
    for (let time = 0; time < 2; time += 1) act(() => root.render(within(untyped, <Watch name="cart" />)))
    expect(fields).toHaveLength(2)
    for (const at of [0, 1, 2] as const) expect(fields[1]?.[at]).toBe(fields[0]?.[at])
    act(() => void live.set('cart', ['b']))
    expect(fields[2]?.[1]).toBe(fields[0]?.[1])
  })

  it('follows a changed key or client, and returns another setter', () => {
    const { live, untyped, listeners } = bareClient()
    const { fields, Watch } = reactWatcher()
    const root = openRoot()
    for (const name of ['division', 'theme']) act(() => root.render(within(untyped, <Watch name={name} />)))
    act(() => void live.set('division', 2))
    expect(fields).toHaveLength(2)
    act(() => void live.set('theme', 'dark'))
    expect([document.body.textContent, listeners()]).toEqual(['dark saving', 2])
    jest.spyOn(console, 'warn').mockReturnValue()
    act(() => root.render(within(bareClient().untyped, <Watch name="theme" />)))
    expect(new Set(fields.map(([, set]) => set)).size).toBe(3)
  })

  it('subscribes once in StrictMode, and in each of several roots', () => {
    const { live, untyped, listeners } = bareClient()
    const { Watch } = reactWatcher()
    for (let count = 0; count < 2; count += 1)
      act(() => openRoot().render(<StrictMode>{within(untyped, <Watch />)}</StrictMode>))
    act(() => void live.set('division', 2))
    expect([document.body.textContent, listeners()]).toEqual(['2 saving2 saving', 4])
  })

  it('keeps a letter typed before the component’s effects run', async () => {
    const { untyped } = bareClient()
    const container = createContainer()
    const root = createRoot(container)
    ends.push(() => act(() => root.unmount()))
    const Search = (): ReactNode => {
      const [theme, setTheme] = useReactField('theme')
      return <input value={String(theme)} onChange={({ target }) => void setTheme(target.value)} />
    }
    await withoutAct(async () => {
      const mounted = new Promise<void>((resolve) => {
        new MutationObserver(() => resolve()).observe(container, { childList: true, subtree: true })
      })
      root.render(within(untyped, <Search />))
      await mounted
      const input = container.querySelector('input')
      // React overrides the element's own `value`; a browser writes to the prototype's.
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(input, 'lighta')
      input?.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText' }))
    })
    expect([container.querySelector('input')?.value, untyped.get('theme')]).toEqual(['lighta', 'lighta'])
  })

  it.each([
    ['an effect', useEffect],
    ['a layout effect', useLayoutEffect],
  ])('settles when %s sets an equal value', (_, useEach) => {
    const { seen, Keep } = reactKeeper(1, useEach)
    act(() => openRoot().render(within(bareClient().untyped, <Keep />)))
    expect(seen).toEqual(['1 default', '1 saving'])
  })

  it('settles even if the page’s visitor is unknown', () => {
    const snapshot = { who: 'ann', persisted: [], values: { division: 1 }, defaults: { division: -1 }, stamps: {} }
    const live = createLiveSession({ socket: new GreetingSocket('ann') as never, initial: snapshot as never })
    const root = openRoot()
    ends.push(live.close)
    // The page hides its values, because nothing tells whose the browser's cookie is.
    localStorage.clear()
    dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    const { seen, Keep } = reactKeeper(-1, useEffect)
    act(() => root.render(within(live, <Keep />)))
    expect(seen).toEqual(['-1 unknown', '-1 saving'])
  })

  it('renders an unsaved value of the server as saving', () => {
    const snapshot = { subject: 's', values: { division: 1 }, defaults: { division: -1 }, stamps: { division: 7 } }
    const live = createLiveSession({ initial: { ...snapshot, unsaved: ['division'] } })
    expect(react.mount(live, '<output>1 saving</output>').seen).toEqual(['1 saving'])
    act(() => live.close())
  })

  it('never shows two values at once during a concurrent rendering', async () => {
    // Each row takes more time than React spends at a stretch.
    let now = performance.now()
    jest.spyOn(performance, 'now').mockImplementation(() => now)
    const { live, untyped } = bareClient()
    const container = document.createElement('ul')
    const rendered: unknown[] = []
    const committed: string[] = []
    const Row = (): ReactNode => {
      const [value] = useReactField('division')
      now += 3
      // Sets the value as soon as React lets other code have a turn.
      if (rendered.length === 0) setTimeout(() => void live.set('division', 2))
      rendered.push(value)
      return <li>{String(value)}</li>
    }
    await withoutAct(
      () =>
        new Promise((resolve) => {
          const List = (): ReactNode => {
            const [value] = useReactField('division')
            useLayoutEffect(() => {
              committed.push([...new Set([...container.children].map(({ textContent }) => textContent))].join())
              if (value === 2) resolve()
            })
            return Array.from({ length: 20 }, (_, row) => <Row key={String(row)} />)
          }
          const root = openRoot(container)
          startTransition(() => root.render(within(untyped, <List />)))
        }),
    )
    expect(new Set(committed)).toEqual(new Set(['2']))
    // The change came during the rendering.
    expect(rendered.indexOf(2)).toBeGreaterThan(0)
    expect(rendered.indexOf(2)).toBeLessThan(20)
  })
})

describe('useLiveSession of Vue', () => {
  it('reports a refusal in a readonly status, without an unhandled rejection', async () => {
    const unhandled = jest.fn()
    process.on('unhandledRejection', unhandled)
    const refusal = { error: { code: 'invalid_value', key: 'division' } }
    const answer = { ok: false, status: 400, headers: new Headers(), json: async () => refusal }
    const { live, untyped } = bareClient(async () => answer as unknown as Response)
    const { fields, Watch } = vueWatcher()
    const app = createApp(Watch).use(liveSessionPlugin(untyped))
    app.mount(createContainer())
    ends.push(() => app.unmount())
    const rejected = new Promise<void>((resolve) => {
      live.onStatus((_, { status }) => status === 'rejected' && resolve())
    })
    for (const { value } of fields) value.value = 7
    await rejected
    await turn()
    expect(
      fields.map(({ value, status, reason }) => [value.value, status.value, reason.value, isReadonly(status)]),
    ).toEqual([[1, 'rejected', 'invalid_value', true]])
    expect(unhandled).not.toHaveBeenCalled()
    process.off('unhandledRejection', unhandled)
  })

  it('outside components stops listening when its effect scope stops', () => {
    const { live, untyped, listeners } = bareClient()
    const app = createApp({}).use(liveSessionPlugin(untyped))
    const scope = effectScope()
    const field = scope.run(() => app.runWithContext(() => useVueField('division')))
    void live.set('division', 2)
    expect([field?.value.value, listeners()]).toEqual([2, 2])
    scope.stop()
    expect(listeners()).toBe(0)
  })
})
