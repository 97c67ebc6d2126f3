import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import {
  createLiveSession,
  followAddress,
  type LiveSessionClient,
  type LiveSessionClientOptions,
} from 'koa-live-session/client'
import type { JsonValue } from '../../shared/json.js'
import type { BareSnapshot } from '../support/page/bare-page.js'
import { GreetingSocket } from '../support/page/greeting-socket.js'

const PAGE: BareSnapshot = {
  who: 'ann',
  held: [],
  values: { division: 1, view: 'all' },
  defaults: { division: -1, view: 'all', tags: [] },
  stamps: { division: 7 },
  urls: { division: 'd', view: 'view', tags: 'tags', note: 'note' },
}
Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })

/** A page of an app whose fields are not typed here. */
interface Opened {
  get(key: string): unknown
  set(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
  status(key: string): { readonly status: string }
  onVisitor(listener: (visitor: { readonly kind: string }) => void): void
  close(): void
}

const open: LiveSessionClient<never>[] = []
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask'] })
  // Some open a second page in the same document.
  jest.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => {
  for (const live of open.splice(0)) live.close()
  localStorage.clear()
  jest.restoreAllMocks()
})

/** A page with its values in its address, where a pause is over in which it would not change that again. */
function page(
  address: string,
  snapshot: Partial<BareSnapshot> = {},
  options: LiveSessionClientOptions<never> = {},
): Opened {
  history.replaceState({ of: 'the app' }, '', address)
  const live = createLiveSession<never>({ ...options, initial: { ...PAGE, ...snapshot } as never })
  open.push(live)
  followAddress(live as never)
  jest.advanceTimersByTime(200)
  return live as unknown as Opened
}

const shown = (): string => location.pathname + location.search + location.hash

/** Goes to an entry of the history that the app has made before. */
function travel(address: string, event: Event = new PopStateEvent('popstate')): void {
  history.replaceState({ of: 'the app' }, '', address)
  dispatchEvent(event)
}

const KEPT = Object.assign(new Event('pageshow'), { persisted: true })

describe('the address of a page', () => {
  it('says what was set, and leaves the rest as it is written', () => {
    page('/costs?q=a+b&r=a%20b&flag#top')
    expect([shown(), history.state]).toEqual(['/costs?q=a+b&r=a%20b&flag&d=1#top', { of: 'the app' }])
  })

  it('has a value set before a returning page knows its visitor', () => {
    const socket = Object.assign(new GreetingSocket('ann'), { disconnect: () => ({ connect: () => undefined }) })
    const live = page('/costs', {}, { socket: socket as never })
    dispatchEvent(KEPT)
    void live.set('division', 4)
    jest.advanceTimersByTime(200)
    expect(shown()).toBe('/costs?d=1')
    socket.comeBack('ann', { defaults: { division: -1 }, changes: [['division', 7, 1]] })
    jest.advanceTimersByTime(200)
    expect([live.get('division'), shown()]).toEqual([4, '/costs?d=4'])
  })

  it('says nothing of what was never set', () => {
    page('/costs', { stamps: {}, values: { division: -1, view: 'all' } })
    expect(shown()).toBe('/costs')
  })

  it.each(['?d=1&q=a%20b', '?q=&d=%31', '?%64=1', '?d=1&view=all'])(
    'is left as %s, which says so already',
    (search) => {
      page(`/costs${search}`)
      expect(location.search).toBe(search)
    },
  )

  it.each(['?d=x', '?d=1&d=1', '?d=2&d=1', '?d=%FF', '?%64=2', '?d='])('says it instead of %s', (search) => {
    const live = page(`/costs${search}`)
    expect([live.get('division'), location.search]).toEqual([1, '?d=1'])
  })

  it.each<[string, JsonValue, string]>([
    ['division', 3, '?d=3'],
    ['division', -1, '?d=-1'],
    ['view', 'open & new', '?d=1&view=open%20%26%20new'],
    ['view', '3', '?d=1&view=3'],
    ['tags', ['a'], '?d=1&tags=%5B%22a%22%5D'],
    ['note', '3', '?d=1&note=%223%22'],
    ['note', 'x', '?d=1&note=x'],
  ])('follows when %s is set to %j, which going back to it sets again', (key, value, search) => {
    const live = page('/costs')
    void live.set(key, value)
    expect(location.search).toBe(search)
    void live.set(key, key === 'tags' ? [] : 'another')
    travel(`/costs${search}`)
    expect([live.get(key), location.search]).toEqual([value, search])
  })

  it('says nothing of what is deleted', () => {
    void page('/costs').delete('division')
    expect(shown()).toBe('/costs')
  })

  it('does without what would make it longer than servers take', () => {
    const live = page('/costs')
    void live.set('view', 'é'.repeat(400))
    expect(location.search).toBe('?d=1')
    void live.set('division', 3)
    jest.advanceTimersByTime(200)
    expect(location.search).toBe('?d=3')
  })

  it('changes five times a second at the most, and says the last value then', () => {
    const live = page('/costs')
    const replaced = jest.spyOn(history, 'replaceState')
    for (let division = 2; division <= 50; division += 1) {
      void live.set('division', division)
      jest.advanceTimersByTime(20)
    }
    jest.advanceTimersByTime(200)
    expect([replaced.mock.calls.length, location.search]).toEqual([6, '?d=50'])
    jest.advanceTimersByTime(10_000)
    expect(replaced.mock.calls).toHaveLength(6)
  })

  it('is tried again where the browser refuses so many changes', () => {
    const live = page('/costs')
    jest.spyOn(history, 'replaceState').mockImplementationOnce(() => {
      throw new DOMException('too many', 'SecurityError')
    })
    void live.set('division', 3)
    expect(location.search).toBe('?d=1')
    jest.advanceTimersByTime(200)
    expect(location.search).toBe('?d=3')
  })

  it('sets what it says when the visitor comes back to a page that the browser has kept, though that shows it still', () => {
    const live = page('/costs')
    expect(live.status('division')).toMatchObject({ status: 'saved' })
    dispatchEvent(KEPT)
    expect([live.get('division'), live.status('division')]).toMatchObject([1, { status: 'saving' }])
    expect(live.status('view')).toMatchObject({ status: 'default' })
  })

  it('sets nothing where the visitor goes back to what the page shows', () => {
    const live = page('/costs')
    travel('/costs?d=1')
    expect(live.status('division')).toMatchObject({ status: 'saved' })
  })

  it('sets nothing that it does not say: what was chosen stays, and is said there from then on', () => {
    const live = page('/costs')
    travel('/')
    expect([live.get('division'), shown()]).toEqual([1, '/?d=1'])
  })

  it('sets nothing at first but what the server has left to it', () => {
    expect([page('/costs?d=5').get('division'), shown()]).toEqual([1, '/costs?d=1'])
    const early = page('/costs?d=5', { unvisited: { division: 5 } })
    expect([early.get('division'), shown()]).toEqual([5, '/costs?d=5'])
  })

  it('sets nothing of what its HTML says that it does not say itself', () => {
    const live = page('/costs?d=5', { unvisited: { division: 7, view: 'iban', cart: ['x'] } })
    expect([live.get('division'), live.get('view'), live.get('cart'), shown()]).toEqual([
      5,
      'all',
      undefined,
      '/costs?d=5',
    ])
  })

  it('sets nothing, and stays, until a page is shown that was rendered before', () => {
    const rendered = Object.assign(document, { prerendering: true })
    const live = page('/costs?d=5', { unvisited: { division: 5 } })
    void live.set('division', 2)
    jest.advanceTimersByTime(200)
    expect([live.get('division'), shown()]).toEqual([2, '/costs?d=5'])
    rendered.prerendering = false
    document.dispatchEvent(new Event('prerenderingchange'))
    expect([live.get('division'), shown()]).toEqual([5, '/costs?d=5'])
  })

  it('is nothing to a page in a frame, whatever that is given', () => {
    jest.spyOn(globalThis, 'self', 'get').mockReturnValue({} as never)
    const live = page('/costs?d=5', { unvisited: { division: 5 } })
    travel('/costs?d=6')
    expect([live.get('division'), shown()]).toEqual([1, '/costs?d=6'])
  })

  it('takes a link to a fragment for no travel: the address may be behind what was chosen', () => {
    const live = page('/costs?d=1')
    void live.set('division', 2)
    void live.set('division', 3)
    travel('/costs?d=2#results')
    jest.advanceTimersByTime(200)
    expect([live.get('division'), shown()]).toEqual([3, '/costs?d=3#results'])
  })

  it('follows the app’s own router, where the browser tells of it, and is left to popstate when the visitor travels', async () => {
    const navigation = new EventTarget()
    Object.assign(globalThis, { navigation })
    const tell = async (navigationType: string): Promise<void> => {
      navigation.dispatchEvent(Object.assign(new Event('currententrychange'), { navigationType }))
      await Promise.resolve()
    }
    const live = page('/costs')
    history.pushState({ of: 'the router' }, '', '/projects?d=9')
    await tell('push')
    expect([live.get('division'), shown(), history.state]).toEqual([1, '/projects?d=1', { of: 'the router' }])
    jest.advanceTimersByTime(200)
    history.replaceState(null, '', '/costs?d=5')
    await tell('traverse')
    dispatchEvent(new PopStateEvent('popstate'))
    expect([live.get('division'), shown()]).toEqual([5, '/costs?d=5'])
    Reflect.deleteProperty(globalThis, 'navigation')
  })

  it('is the next visitor’s before the app hears of that one, and loads the page again', () => {
    const socket = new GreetingSocket('ann')
    const live = page('/costs?d=1&q=a', {}, { socket: socket as never })
    void live.set('division', 2)
    const heard: string[] = []
    live.onVisitor(({ kind }) => heard.push(`${kind} ${location.search} ${live.get('division')}`))
    socket.comeBack('bob', { defaults: PAGE.defaults, changes: [['division', 9, 5]] })
    expect(heard).toEqual(['user ?q=a&d=5 5'])
  })

  it('is left alone once the client is closed, and where no field is in it', () => {
    const live = page('/costs')
    void live.set('division', 2)
    live.close()
    travel('/costs?d=5')
    dispatchEvent(KEPT)
    jest.advanceTimersByTime(200)
    expect([live.get('division'), shown()]).toEqual([2, '/costs?d=5'])
    page('/costs?d=9', { urls: {} })
    expect(shown()).toBe('/costs?d=9')
  })
})
