/** @jsxImportSource react */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type { LiveSessionClient, LiveSessionErrorCode, StatusDetail } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { LiveSessionProvider, useLiveSession } from 'koa-live-session/react'
import { type TestClient, testClient } from 'koa-live-session/testing'
import { liveSessionPlugin, useLiveSession as useVue } from 'koa-live-session/vue'
import { act, type ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { createApp, h, nextTick } from 'vue'
import { z } from 'zod'
import { type AppFields, appFields } from '../support/app/app.js'
import { present } from '../support/app/present.js'

/** As an app sees it that has registered its fields. */
const useField = useLiveSession as unknown as (
  key: string,
) => readonly [number, (value: unknown) => Promise<void>, StatusDetail]

let live: TestClient<AppFields>
let untyped: LiveSessionClient
let main: HTMLElement
const ends: (() => void)[] = []
beforeEach(() => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })
  live = testClient(appFields, { division: 3 })
  untyped = live as unknown as LiveSessionClient
  main = document.body.appendChild(document.createElement('main'))
})
afterEach(() => {
  for (const end of ends.splice(0)) end()
  document.body.replaceChildren()
  jest.restoreAllMocks()
})

function Division(): ReactNode {
  const [division, setDivision, { status, reason }] = useField('division')
  return (
    <button type="button" onClick={() => void setDivision(division + 1)}>
      {`${division} ${status} ${reason ?? ''}`}
    </button>
  )
}

function render(): HTMLElement {
  const root = createRoot(main)
  ends.push(() => act(() => root.unmount()))
  act(() =>
    root.render(
      <LiveSessionProvider live={untyped}>
        <Division />
      </LiveSessionProvider>,
    ),
  )
  return main
}

describe('a component of React with a testClient', () => {
  it('shows what the client begins with, what is set in it, and what comes from elsewhere', async () => {
    render()
    expect(main.textContent).toBe('3 saved ')
    act(() => present(main.querySelector('button')).click())
    expect([main.textContent, live.sent]).toEqual(['4 saving ', [['division', 4]]])
    await act(() => live.flush())
    expect(main.textContent).toBe('4 saved ')
    await act(async () => live.receive({ division: 9 }))
    expect(main.textContent).toBe('9 saved ')
  })

  it('shows why something was refused, and what stands', async () => {
    render()
    live.refuseNext('superseded')
    await act(async () => present(main.querySelector('button')).click())
    expect(main.textContent).toBe('3 rejected superseded')
  })

  it('shows that it is offline, and goes on when it is online again', async () => {
    render()
    live.offline()
    await act(async () => present(main.querySelector('button')).click())
    expect(main.textContent).toBe('4 offline ')
    await act(async () => live.online())
    expect([main.textContent, live.sent]).toEqual(['4 saved ', [['division', 4]]])
  })
})

describe('a component of Vue with a testClient', () => {
  it('shows what the client has, and sets it', async () => {
    const Counter = {
      setup: () => {
        const { value, status } = (
          useVue as unknown as (key: string) => { value: { value: number }; status: { value: StatusDetail } }
        )('division')
        const add = (): void => {
          value.value += 1
        }
        return () => h('button', { onClick: add }, `${value.value} ${status.value.status}`)
      },
    }
    const app = createApp(Counter).use(liveSessionPlugin(untyped))
    app.mount(main)
    ends.push(() => app.unmount())
    present(main.querySelector('button')).click()
    await nextTick()
    expect(main.textContent).toBe('4 saving')
    await live.flush()
    await nextTick()
    expect([main.textContent, live.sent]).toEqual(['4 saved', [['division', 4]]])
  })
})

describe('testClient', () => {
  it.each<[LiveSessionErrorCode, logged: number]>([
    ['invalid_value', 0],
    ['undeclared_key', 1],
    ['not_writable', 1],
    ['too_large', 0],
    ['malformed', 0],
    ['superseded', 0],
    ['conflict', 0],
  ])('rolls back what is refused as %s, and nothing that comes after it', async (code, logged) => {
    const log = jest.spyOn(console, 'error').mockReturnValue()
    live.refuseNext(code)
    await expect(live.set('division', 4)).rejects.toMatchObject({ name: 'LiveSessionError', code, key: 'division' })
    expect([live.get('division'), live.status('division')]).toEqual([3, { status: 'rejected', reason: code }])
    await live.set('division', 4)
    expect([live.get('division'), live.status('division').status]).toEqual([4, 'saved'])
    expect(log.mock.calls).toHaveLength(logged)
  })

  it.each<LiveSessionErrorCode>(['rate_limited', 'closed', 'store_unavailable'])(
    'sends again what is refused as %s',
    async (code) => {
      live.refuseNext(code)
      await live.set('division', 4)
      expect([live.get('division'), live.sent]).toEqual([
        4,
        [
          ['division', 4],
          ['division', 4],
        ],
      ])
    },
  )

  it('refuses as many changes as it was told to, in their order', async () => {
    live.refuseNext('superseded')
    live.refuseNext('conflict')
    const outcomes = await Promise.allSettled([
      live.set('division', 4),
      live.set('theme', 'dark'),
      live.set('cart', ['a']),
    ])
    expect(outcomes).toMatchObject([
      { reason: { code: 'superseded' } },
      { reason: { code: 'conflict' } },
      { status: 'fulfilled' },
    ])
  })

  it('refuses what is set together as one, and nothing that comes after it', async () => {
    live.refuseNext('superseded')
    const outcomes = await Promise.allSettled([live.setMany({ division: 4, theme: 'dark' }), live.set('cart', ['a'])])
    expect(outcomes).toMatchObject([{ reason: { code: 'superseded' } }, { status: 'fulfilled' }])
    expect([live.get('division'), live.get('theme'), live.get('cart')]).toEqual([3, 'light', ['a']])
  })

  it('saves what comes after what a browser without cookies could not save', async () => {
    live.refuseNext('cookies_blocked')
    await expect(live.set('division', 4)).rejects.toMatchObject({ code: 'cookies_blocked' })
    expect(live.get('division')).toBe(4)
    live.set('division', 5).catch(() => undefined)
    await live.flush()
    expect(live.status('division').status).toBe('saved')
  })

  it('keeps what is set over an update, and lost on the way', async () => {
    await live.update('division', (division) => division + 1)
    const saved = live.set('division', 9)
    live.offline()
    await Promise.resolve()
    live.online()
    await saved
    expect(live.get('division')).toBe(9)
  })

  it('computes once more where another change comes first', async () => {
    const seen: number[] = []
    const saved = live.update('division', (division) => {
      seen.push(division)
      return division + 1
    })
    live.receive({ division: 50 })
    await saved
    expect([seen, live.get('division'), live.sent]).toEqual([
      [3, 50],
      51,
      [
        ['division', 4],
        ['division', 51],
      ],
    ])
  })

  it('sends again what was on its way when the line was cut', async () => {
    const saved = live.set('division', 4)
    live.offline()
    live.offline()
    live.online()
    live.online()
    await saved
    expect([live.get('division'), live.sent]).toEqual([
      4,
      [
        ['division', 4],
        ['division', 4],
      ],
    ])
  })

  it('hears of all of what comes from elsewhere, or of nothing', () => {
    expect(() => live.receive({ theme: 'dark', division: 1.5 })).toThrow('koa-live-session: set("division")')
    expect(() => live.receive({ theme: 'dark', nothing: 1 } as never)).toThrow('receive: "nothing" is not declared')
    expect(live.get('theme')).toBe('light')
  })

  it('takes nothing to begin with that could not have been set', () => {
    expect(() => testClient(appFields, { division: 1.5 })).toThrow('koa-live-session: set("division")')
    expect(() => testClient(appFields, { nothing: 1 } as never)).toThrow('testClient: "nothing" is not declared')
  })

  it('saves what is kept out of the cookie, as with a store', async () => {
    const notes = testClient({ notes: { ...appFields.role, client: 'write', cookie: false } })
    await notes.set('notes', 'x')
    expect(notes.status('notes').status).toBe('saved')
  })

  it('needs no time, also where a runner has stopped it', async () => {
    jest.useFakeTimers()
    ends.push(() => jest.useRealTimers())
    await live.set('division', 4)
    live.receive({ division: 5 })
    await live.flush()
    expect(live.status('division').status).toBe('saved')
  })

  it('leaves nothing behind, asks no network, and knows of no other one', async () => {
    const fetch = jest.fn()
    Object.assign(globalThis, { fetch })
    const listened = jest.spyOn(globalThis, 'addEventListener')
    const other = testClient(appFields)
    live.offline()
    void live.set('division', 4)
    await live.flush()
    expect([localStorage.length, fetch.mock.calls, listened.mock.calls]).toEqual([0, [], []])
    expect(other.get('division')).toBe(-1)
  })
})

describe('the fields of an app with a larger cookieBudget', () => {
  const note = { schema: z.string(), default: '', client: 'write' } as const

  it('are taken, with the bytes that they ask for', async () => {
    const fields = defineFields({ note: { ...note, maxBytes: 2500 }, division: appFields.division })
    const large = testClient(fields)
    await large.set('note', 'x'.repeat(1800))
    await expect(large.set('note', 'x'.repeat(1900))).rejects.toMatchObject({ code: 'too_large' })
  })

  it('are refused if no cookie has room for them', () => {
    expect(() => testClient(defineFields({ note: { ...note, maxBytes: 5000 } }))).toThrow('maxBytes add up to 5,000')
  })
})
