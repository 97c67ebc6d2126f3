import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, followAddress, type LiveSessionClientOptions } from 'koa-live-session/client'
import { pages } from '../../client/live-session.js'
import type { JsonValue } from '../../shared/json.js'
import type { BareSnapshot } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'
import { GreetingSocket } from '../support/page/greeting-socket.js'

const PAGE: BareSnapshot = {
  who: 'ann',
  persisted: [],
  values: { division: 1, view: 'all' },
  defaults: { division: -1, view: 'all', tags: [] },
  stamps: { division: 7 },
  urls: { division: 'd', view: 'view', tags: 'tags', note: 'note' },
}

/** A page of an app with untyped fields. */
interface Opened {
  get(key: string): unknown
  set(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
  status(key: string): { readonly status: string }
  onVisitor(listener: (visitor: { readonly kind: string }) => void): void
  close(): void
}

const open: Opened[] = []
beforeEach(() => {
  Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
  jest.useFakeTimers({ doNotFake: ['queueMicrotask'] })
  jest.spyOn(console, 'warn').mockImplementation(() => undefined)
})
afterEach(() => {
  for (const live of open.splice(0)) live.close()
  localStorage.clear()
  Reflect.deleteProperty(globalThis, 'navigation')
})

/** Opens a page that shows its values in the address, and lets the pause between two changes of the address pass. */
function page(
  address: string,
  snapshot: Partial<BareSnapshot> = {},
  options: LiveSessionClientOptions<never> = {},
): Opened {
  pages.clear()
  history.replaceState({ of: 'the app' }, '', address)
  const live = createLiveSession<never>({ ...options, initial: { ...PAGE, ...snapshot } as never })
  const opened = live as unknown as Opened
  open.push(opened)
  followAddress(live as never)
  pass(200)
  return opened
}

const pass = (ms: number): void => void jest.advanceTimersByTime(ms)
const shown = (): string => location.pathname + location.search + location.hash
const showAgain = (): boolean => dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))

/** Makes the changes that need no pause; the last is 2. */
function spendBurst(choose: (division: number) => void): void {
  for (let division = 21; division >= 2; division -= 1) choose(division)
}

function travel(address: string): void {
  history.replaceState({ of: 'the app' }, '', address)
  dispatchEvent(new PopStateEvent('popstate'))
}

describe('the address', () => {
  it('gets the saved values, and keeps the rest', () => {
    page('/costs?q=a+b&r=a%20b&flag#top')
    expect([shown(), history.state]).toEqual(['/costs?q=a+b&r=a%20b&flag&d=1#top', { of: 'the app' }])
  })

  it('gets no value that was never set', () => {
    page('/costs', { stamps: {}, values: { division: -1, view: 'all' } })
    expect(shown()).toBe('/costs')
  })

  it.each(['?d=1&q=a%20b', '?q=&d=%31', '?%64=1', '?d=1&view=all'])('stays %s if all values match', (search) => {
    page(`/costs${search}`)
    expect(location.search).toBe(search)
  })

  it.each(['?d=x', '?d=1&d=1', '?d=2&d=1', '?d=%FF', '?%64=2', '?d='])('is corrected from %s', (search) => {
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
  ])('shows %s = %j, and restores the value on going back', (key, value, search) => {
    const live = page('/costs')
    void live.set(key, value)
    expect(location.search).toBe(search)
    void live.set(key, key === 'tags' ? [] : 'another')
    travel(`/costs${search}`)
    expect([live.get(key), location.search]).toEqual([value, search])
  })

  it('restores two values on going back', () => {
    const live = page('/costs')
    travel('/costs?d=5&view=open')
    expect([live.get('division'), live.get('view'), location.search]).toEqual([5, 'open', '?d=5&view=open'])
  })

  it('loses deleted values', () => {
    void page('/costs').delete('division')
    expect(shown()).toBe('/costs')
  })

  it('omits values beyond the length that servers accept', () => {
    const live = page('/costs')
    void live.set('view', 'é'.repeat(400))
    expect(location.search).toBe('?d=1')
    void live.set('division', 3)
    pass(200)
    expect(location.search).toBe('?d=3')
  })

  it('shows each of twenty quick changes at once', () => {
    const live = page('/costs')
    pass(200)
    spendBurst((division) => {
      void live.set('division', division)
      expect(location.search).toBe(`?d=${division}`)
    })
  })

  it('then changes five times a second, and shows the last value', () => {
    const live = page('/costs')
    pass(200)
    const replaced = jest.spyOn(history, 'replaceState')
    for (let division = 2; division <= 50; division += 1) {
      void live.set('division', division)
      pass(20)
    }
    pass(200)
    expect([replaced.mock.calls.length, location.search]).toEqual([25, '?d=50'])
    pass(10_000)
    expect(replaced.mock.calls).toHaveLength(25)
  })

  it('retries a change that the browser refused', () => {
    const live = page('/costs')
    jest.spyOn(history, 'replaceState').mockImplementationOnce(() => {
      throw new DOMException('too many', 'SecurityError')
    })
    void live.set('division', 3)
    expect(location.search).toBe('?d=1')
    pass(200)
    expect(location.search).toBe('?d=3')
  })

  it('gets a value that a restored page set before its greeting', () => {
    const socket = Object.assign(new GreetingSocket('ann'), { disconnect: () => ({ connect: () => undefined }) })
    const live = page('/costs', {}, { socket: socket as never })
    // The page cannot know its visitor.
    localStorage.clear()
    showAgain()
    void live.set('division', 4)
    pass(200)
    expect(shown()).toBe('/costs?d=1')
    socket.comeBack('ann', { defaults: { division: -1 }, changes: [['division', 7, 1]] })
    pass(200)
    expect([live.get('division'), shown()]).toEqual([4, '/costs?d=4'])
  })

  it('sets its values in a page restored from the browser’s cache', () => {
    const live = page('/costs')
    expect(live.status('division')).toMatchObject({ status: 'saved' })
    showAgain()
    expect([live.get('division'), live.status('division')]).toMatchObject([1, { status: 'saving' }])
    expect(live.status('view')).toMatchObject({ status: 'default' })
  })

  it('sets no value on going back to an equal or missing value', () => {
    const live = page('/costs')
    travel('/costs?d=1')
    expect(live.status('division')).toMatchObject({ status: 'saved' })
    travel('/')
    expect([live.get('division'), shown()]).toEqual([1, '/?d=1'])
  })

  it('initially sets only the values in the snapshot’s `unapplied`', () => {
    expect([page('/costs?d=5').get('division'), shown()]).toEqual([1, '/costs?d=1'])
    const unapplied = { division: 7, view: 'iban', cart: ['x'] }
    const early = page('/costs?d=5', { unapplied })
    expect([early.get('division'), early.get('view'), early.get('cart')]).toEqual([5, 'all', undefined])
    expect(shown()).toBe('/costs?d=5')
  })

  it.each<[string, string, JsonValue, readonly string[]]>([
    ['tags=a&tags=b', 'tags', ['a', 'b'], ['a', 'b']],
    ['tags=a', 'tags', ['a'], ['a']],
    ['tags=3', 'tags', ['3'], ['3']],
    ['note=3', 'note', '3', ['3']],
    ['d=', 'division', -1, ['']],
  ])('initially sets the server’s reading of ?%s', (search, key, reading, texts) => {
    const live = page(`/costs?${search}`, { unapplied: { [key]: reading }, texts: { [key]: texts } })
    expect(live.get(key)).toEqual(reading)
  })

  it('keeps a text read by the server, and restores it', () => {
    const live = page('/costs?tags=a', { unapplied: { tags: ['a'] }, texts: { tags: ['a'] }, stamps: {} })
    expect(shown()).toBe('/costs?tags=a')
    void live.set('tags', [])
    expect(shown()).toBe('/costs?tags=%5B%5D')
    travel('/costs?tags=a')
    expect([live.get('tags'), shown()]).toEqual([['a'], '/costs?tags=a'])
  })

  it('initially sets the page’s reading of a changed text', () => {
    const unapplied = { tags: ['a', 'b'], note: '3' }
    const live = page('/costs?note=4', { unapplied, texts: { tags: ['a', 'b'], note: ['3'] } })
    expect([live.get('tags'), live.get('note')]).toEqual([[], 4])
  })

  it('waits while the page is prerendered', () => {
    const rendered = Object.assign(document, { prerendering: true })
    const live = page('/costs?d=5', { unapplied: { division: 5 } })
    void live.set('division', 2)
    pass(200)
    expect([live.get('division'), shown()]).toEqual([2, '/costs?d=5'])
    rendered.prerendering = false
    document.dispatchEvent(new Event('prerenderingchange'))
    expect([live.get('division'), shown()]).toEqual([5, '/costs?d=5'])
  })

  it('is ignored in a frame', () => {
    jest.spyOn(globalThis, 'self', 'get').mockReturnValue({} as never)
    const live = page('/costs?d=5', { unapplied: { division: 5 } })
    travel('/costs?d=6')
    expect([live.get('division'), shown()]).toEqual([1, '/costs?d=6'])
  })

  it('sets nothing after a link to a fragment', () => {
    const live = page('/costs?d=1')
    spendBurst((division) => void live.set('division', division))
    void live.set('division', 3)
    travel('/costs?d=2#results')
    pass(200)
    expect([live.get('division'), shown()]).toEqual([3, '/costs?d=3#results'])
  })

  it('has the next visitor’s values before onVisitor runs', () => {
    const socket = new GreetingSocket('ann')
    const live = page('/costs?d=1&q=a', {}, { socket: socket as never })
    void live.set('division', 2)
    const heard: string[] = []
    live.onVisitor(({ kind }) => heard.push(`${kind} ${location.search} ${live.get('division')}`))
    socket.comeBack('bob', { defaults: PAGE.defaults, changes: [['division', 9, 5]] })
    expect(heard).toEqual(['user ?q=a&d=5 5'])
  })

  it('stays unchanged after close() or without fields', () => {
    const live = page('/costs')
    void live.set('division', 2)
    live.close()
    travel('/costs?d=5')
    showAgain()
    pass(200)
    expect([live.get('division'), shown()]).toEqual([2, '/costs?d=5'])
    page('/costs?d=9', { urls: {} })
    expect(shown()).toBe('/costs?d=9')
  })
})

/** Opens a page with division 1 in a browser that has the Navigation API. */
function pageWithNavigation() {
  const navigation = Object.assign(new EventTarget(), { transition: null as object | null })
  Object.assign(globalThis, { navigation })
  const socket = new GreetingSocket('ann')
  const live = page('/costs?d=1', {}, { socket: socket as never })
  const emit = (type: 'navigate' | 'currententrychange', more: object): void =>
    void navigation.dispatchEvent(Object.assign(new Event(type), more))
  const change = async (navigationType: string): Promise<void> => {
    emit('currententrychange', { navigationType })
    await Promise.resolve()
  }
  let stamp = 7
  return {
    live,
    change,
    choose: (division: number): void => void live.set('division', division),
    /** The server sends a change of another page. */
    hear: (division: number): void => {
      stamp += 1
      socket.emit('store_session', bareTicket({ changes: [['division', stamp, division]] }))
    },
    /** The page reconnects, and the greeting has this value. */
    comeBack: (view: string): void => socket.comeBack('ann', { changes: [['view', stamp + 1, view]] }),
    navigate: (sameDocument = false): void => emit('navigate', { destination: { sameDocument } }),
    push: (address: string): Promise<void> => {
      history.pushState({ of: 'the router' }, '', address)
      return change('push')
    },
    /** The app’s router goes to an address, and its transition lasts until `arrive()`. */
    comeTo(address: string): Promise<void> {
      navigation.transition = {}
      return this.push(address)
    },
    arrive: (): void => {
      navigation.transition = null
    },
  }
}

describe('the address at a navigation', () => {
  it('stays unchanged for ten seconds after the last click', () => {
    const { live, navigate, hear } = pageWithNavigation()
    navigate()
    pass(9_000)
    navigate()
    hear(2)
    pass(9_999)
    expect([live.get('division'), shown()]).toEqual([2, '/costs?d=1'])
    pass(1)
    expect(shown()).toBe('/costs?d=2')
  })

  it('gets local changes made right before the click, but no remote values', () => {
    const { choose, navigate, hear } = pageWithNavigation()
    spendBurst(choose)
    choose(3)
    navigate()
    pass(0)
    hear(4)
    pass(9_000)
    expect(shown()).toBe('/costs?d=3')
  })

  it('gets no remote value received after the click', async () => {
    const { push, navigate, hear } = pageWithNavigation()
    await push('/projects')
    navigate()
    hear(2)
    pass(9_000)
    expect(shown()).toBe('/projects?d=1')
  })

  it('follows local changes after the click, as with a download link', () => {
    const { navigate, choose } = pageWithNavigation()
    navigate()
    choose(2)
    expect(shown()).toBe('/costs?d=2')
  })

  it('follows remote values after the app’s router takes over', async () => {
    const { navigate, hear, push } = pageWithNavigation()
    navigate()
    hear(2)
    await push('/projects')
    expect(shown()).toBe('/projects?d=2')
  })

  it('follows remote values again after the browser restores the page', () => {
    const { navigate, comeBack } = pageWithNavigation()
    navigate()
    showAgain()
    expect(shown()).toBe('/costs?d=1')
    comeBack('open')
    pass(200)
    expect(shown()).toBe('/costs?d=1&view=open')
  })

  it('follows remote values if the document stays', () => {
    const { navigate, hear } = pageWithNavigation()
    navigate(true)
    hear(2)
    expect(shown()).toBe('/costs?d=2')
  })
})

describe('the router’s address', () => {
  it('gets the values on push, and sets its own on going back', async () => {
    const { live, push, change } = pageWithNavigation()
    await push('/projects?d=9')
    expect([live.get('division'), shown(), history.state]).toEqual([1, '/projects?d=1', { of: 'the router' }])
    pass(200)
    history.replaceState(null, '', '/costs?d=5')
    await change('traverse')
    dispatchEvent(new PopStateEvent('popstate'))
    expect([live.get('division'), shown()]).toEqual([5, '/costs?d=5'])
  })

  it('gets new values only after the router has arrived', async () => {
    const page = pageWithNavigation()
    await page.comeTo('/projects')
    page.choose(2)
    pass(30_000)
    expect(shown()).toBe('/projects')
    page.arrive()
    pass(200)
    expect(shown()).toBe('/projects?d=2')
  })

  it.each<[string, string, (page: ReturnType<typeof pageWithNavigation>) => void, number]>([
    ['after it has the values', '/projects?d=1', ({ arrive }) => arrive(), 1],
    ['after close()', '/projects', ({ live }) => live.close(), 0],
  ])('is not polled %s', async (_, address, end, waiting) => {
    const page = pageWithNavigation()
    const timers = jest.getTimerCount()
    await page.comeTo(address)
    expect(jest.getTimerCount()).toBe(timers + 1)
    end(page)
    pass(200)
    expect(jest.getTimerCount()).toBe(waiting ? timers : 0)
    page.arrive()
    pass(200)
    expect(shown()).toBe(address)
  })

  it('gets pending values before another document loads', async () => {
    const page = pageWithNavigation()
    await page.comeTo('/projects')
    page.arrive()
    page.navigate()
    pass(0)
    expect(shown()).toBe('/projects?d=1')
  })

  it('gets pending values even if the router keeps the address', async () => {
    const page = pageWithNavigation()
    spendBurst(page.choose)
    page.choose(3)
    page.navigate()
    await page.comeTo('/costs?d=2')
    pass(1_000)
    expect(shown()).toBe('/costs?d=2')
    page.arrive()
    pass(200)
    expect(shown()).toBe('/costs?d=3')
  })
})
