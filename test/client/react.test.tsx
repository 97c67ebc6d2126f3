/** @jsxImportSource react */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient, type StatusDetail } from 'koa-live-session/client'
import { LiveSessionProvider, useLiveSession } from 'koa-live-session/react'
import { act, type ReactNode, StrictMode } from 'react'
import { createRoot, hydrateRoot, type Root } from 'react-dom/client'
import { bareClient } from '../support/page/bare-client.js'

/** As an app sees it that has registered its fields. */
const useField = useLiveSession as (key: string) => readonly [unknown, (value: unknown) => Promise<void>, StatusDetail]

type Seen = ReturnType<typeof useField>

let container: HTMLElement
let root: Root
const roots: Root[] = []

function open(): Root {
  const opened = createRoot(document.body.appendChild(document.createElement('main')))
  roots.push(opened)
  return opened
}

function within(live: LiveSessionClient, children: ReactNode): ReactNode {
  return <LiveSessionProvider live={live}>{children}</LiveSessionProvider>
}

/** A component that says what it was given at each rendering. */
function watcher(): { readonly seen: Seen[]; readonly Watch: (props: { readonly name: string }) => ReactNode } {
  const seen: Seen[] = []
  const Watch = ({ name }: { readonly name: string }): ReactNode => {
    const field = useField(name)
    seen.push(field)
    return <output>{`${field[0]} ${field[2].status}`}</output>
  }
  return { seen, Watch }
}

beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  root = open()
  container = document.querySelector('main') ?? document.body
})
afterEach(() => {
  act(() => {
    for (const opened of roots.splice(0)) opened.unmount()
  })
  document.body.replaceChildren()
})

describe('useLiveSession of React', () => {
  it('shows a value that is set at once, with how far it has got', () => {
    const { live, untyped } = bareClient()
    const { Watch } = watcher()
    act(() => root.render(within(untyped, <Watch name="division" />)))
    expect(container.textContent).toBe('1 default')
    act(() => void live.set('division', 2))
    expect(container.textContent).toBe('2 saving')
  })

  it('sets a value', () => {
    const { live, untyped } = bareClient()
    const { seen, Watch } = watcher()
    act(() => root.render(within(untyped, <Watch name="division" />)))
    act(() => void seen[0]?.[1](7))
    expect(live.get('division')).toBe(7)
  })

  it('computes a value from the newest one, as often as it is told to before the next rendering', () => {
    const { live, untyped } = bareClient()
    const { seen, Watch } = watcher()
    act(() => root.render(within(untyped, <Watch name="division" />)))
    const increment = (division: number): number => division + 1
    act(() => {
      void seen[0]?.[1](increment)
      void seen[0]?.[1](increment)
    })
    expect([live.get('division'), container.textContent]).toEqual([3, '3 saving'])
  })

  it('gives the same function, value and status for as long as nothing has changed', () => {
    const { untyped } = bareClient()
    const { seen, Watch } = watcher()
    for (let time = 0; time < 2; time += 1) act(() => root.render(within(untyped, <Watch name="cart" />)))
    expect(seen).toHaveLength(2)
    const [first, second] = seen
    for (const at of [0, 1, 2] as const) expect(second?.[at]).toBe(first?.[at])
  })

  it('keeps its function when the value changes, and has another for another key or client', () => {
    const { live, untyped } = bareClient()
    const { seen, Watch } = watcher()
    act(() => root.render(within(untyped, <Watch name="division" />)))
    act(() => void live.set('division', 2))
    act(() => root.render(within(untyped, <Watch name="cart" />)))
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined)
    act(() => root.render(within(bareClient().untyped, <Watch name="cart" />)))
    expect(warn.mock.calls).toEqual([[expect.stringContaining('createLiveSession was called again')]])
    const sets = seen.map(([, set]) => set)
    expect(sets[1]).toBe(sets[0])
    expect(new Set(sets).size).toBe(3)
  })

  it('is not rendered again for what happens to other keys', () => {
    const { live, untyped } = bareClient()
    const { seen, Watch } = watcher()
    act(() => root.render(within(untyped, <Watch name="division" />)))
    act(() => void live.set('cart', ['b']))
    expect(seen).toHaveLength(1)
  })

  it('follows the key it was given last', () => {
    const { live, untyped, listeners } = bareClient()
    const { seen, Watch } = watcher()
    act(() => root.render(within(untyped, <Watch name="division" />)))
    act(() => root.render(within(untyped, <Watch name="theme" />)))
    expect(container.textContent).toBe('light default')
    const { length } = seen
    act(() => void live.set('division', 2))
    expect(seen).toHaveLength(length)
    act(() => void live.set('theme', 'dark'))
    expect([container.textContent, listeners()]).toEqual(['dark saving', 2])
  })

  it.each([
    ['', (child: ReactNode) => child],
    [' in StrictMode', (child: ReactNode) => <StrictMode>{child}</StrictMode>],
  ])('listens once%s, and no more once it is unmounted', (_, wrap) => {
    const { live, untyped, listeners } = bareClient()
    const { Watch } = watcher()
    act(() => root.render(wrap(within(untyped, <Watch name="division" />))))
    act(() => void live.set('division', 2))
    expect([container.textContent, listeners()]).toEqual(['2 saving', 2])
    act(() => root.render(wrap(within(untyped, <p />))))
    expect(listeners()).toBe(0)
    act(() => void live.set('division', 3))
    act(() => root.render(wrap(within(untyped, <Watch name="division" />))))
    expect(container.textContent).toBe('3 saving')
  })

  it('shows the same in several roots', () => {
    const { live, untyped } = bareClient()
    const { Watch } = watcher()
    for (const one of [root, open()]) act(() => one.render(within(untyped, <Watch name="division" />)))
    act(() => void live.set('division', 2))
    expect(document.body.textContent).toBe('2 saving2 saving')
  })

  it('hydrates what the server has rendered, and then shows what the page knows by now', () => {
    const { live, untyped } = bareClient()
    const { seen, Watch } = watcher()
    const errors = jest.fn()
    container = document.body.appendChild(document.createElement('main'))
    container.innerHTML = '<output>1 default</output>'
    const rendered = container.firstChild
    void live.set('division', 2)
    act(() => {
      const options = { onRecoverableError: errors, onUncaughtError: errors }
      roots.push(hydrateRoot(container, within(untyped, <Watch name="division" />), options))
    })
    expect(seen.map(([value, , { status }]) => `${value} ${status}`)).toEqual(['1 default', '2 saving'])
    expect([container.textContent, container.firstChild === rendered]).toEqual(['2 saving', true])
    expect(errors).not.toHaveBeenCalled()
  })

  it('says from the first rendering on what the cookie has yet to be seen with', () => {
    const snapshot = { subject: 's', values: { division: 1 }, defaults: { division: -1 }, stamps: { division: 7 } }
    const live = createLiveSession({ initial: { ...snapshot, unsaved: ['division'] } })
    const { Watch, seen } = watcher()
    container = document.body.appendChild(document.createElement('main'))
    container.innerHTML = '<output>1 saving</output>'
    act(() => {
      roots.push(hydrateRoot(container, within(live, <Watch name="division" />)))
    })
    expect(seen.map(([value, , { status }]) => `${value} ${status}`)).toEqual(['1 saving'])
    act(() => live.close())
  })

  it('says what to do where there is no provider', () => {
    const { Watch } = watcher()
    expect(() => act(() => root.render(<Watch name="division" />))).toThrow(
      new TypeError(
        'koa-live-session: useLiveSession("division"): no <LiveSessionProvider live={live}> above this component',
      ),
    )
  })

  it('says what to do where the first values are not known yet', () => {
    const live = createLiveSession()
    const { Watch } = watcher()
    expect(() => act(() => root.render(within(live, <Watch name="division" />)))).toThrow(/await live\.ready/)
    live.close()
  })
})
