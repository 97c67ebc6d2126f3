import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { pages } from '../../client/live-session.js'
import { turn } from '../support/app/within.js'
import type { BareSnapshot } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'

const ANN: BareSnapshot = {
  who: 'ann',
  persisted: [],
  values: { division: 1 },
  defaults: { division: -1 },
  stamps: { division: 7 },
}
const BOB: BareSnapshot = { ...ANN, who: 'bob', values: { division: 2 } }

const open: LiveSessionClient<never>[] = []
/** The answer to a POST, or a function of its body; undefined while the server is down. */
let answer: object | ((body: string) => object) | undefined

Object.assign(globalThis, {
  fetch: async (_: string, { body }: { body: string }) => {
    if (!answer) throw new TypeError('fetch failed')
    const json = typeof answer === 'function' ? answer(body) : answer
    const status = 'error' in json ? 403 : 200
    return { ok: status === 200, status, headers: new Map(), json: async () => json }
  },
})

/** A page of an app with untyped fields. */
interface Opened {
  get(key: string): unknown
  set(key: string, value: unknown): Promise<void>
  update(key: string, next: (value: never) => unknown): Promise<void>
}

/** Opens a page in a document of its own. */
function page(initial?: BareSnapshot): Opened {
  pages.clear()
  const live = createLiveSession<never>(initial ? { initial: initial as never } : {})
  open.push(live)
  return live as unknown as Opened
}

const stored = (): string[] =>
  Object.keys(localStorage).filter((name) => name.startsWith('live-session:/store_session '))

/** Lets the page try again, and receive answers. */
async function turns(): Promise<void> {
  await turn()
  globalThis.dispatchEvent(new Event('online'))
  for (let count = 0; count < 5; count += 1) await turn()
}

/** Answers as Ann’s server: a question gets the defaults, and changes are taken. */
function answerAsAnn(body: string): object {
  const greeting = [bareTicket({ defaults: { division: -1 } })]
  const isQuestion = body === '{}'
  const results = isQuestion ? [] : [{ stamp: 8, level: 'memory' }]
  return { who: 'ann', hasCookie: true, persisted: [], results, ...(isQuestion && { greeting }) }
}

beforeEach(() => void jest.spyOn(console, 'warn').mockImplementation(() => undefined))
afterEach(() => {
  for (const live of open.splice(0)) live.close()
  localStorage.clear()
  answer = undefined
})

describe('threat 31: the outbox', () => {
  it('is shown only to the same visitor', () => {
    void page(ANN).set('division', 3)
    expect(stored()).toHaveLength(1)
    expect(page(ANN).get('division')).toBe(3)
    expect(page(BOB).get('division')).toBe(2)
    expect(stored()).toEqual([])
    expect(page(ANN).get('division')).toBe(1)
  })

  it('keeps the change of a first visit whose page is closed without a network', () => {
    const { persisted: _, ...unseen } = { ...ANN, guest: true as const }
    void page(unseen).set('division', 3)
    open.at(-1)?.close()
    expect(page({ ...ANN, guest: true }).get('division')).toBe(3)
  })

  it('stays empty, like the stored visitor, if a user has not consented', () => {
    const { persisted: _, ...unseen } = ANN
    void page(unseen).set('division', 3)
    expect(Object.keys(localStorage)).toEqual([])
  })

  it('stays empty without a visitor', async () => {
    const opened = page()
    void opened.set('division', 3)
    expect(stored()).toEqual([])
    // The server names the visitor, and then goes down.
    answer = (body) => {
      answer = undefined
      return answerAsAnn(body)
    }
    await turns()
    expect(stored()).toHaveLength(1)
  })

  it('stays empty if cookies are blocked', async () => {
    const { persisted: _, ...unseen } = ANN
    const opened = page(unseen)
    void opened.set('division', 3)
    answer = { persisted: [], results: [], greeting: [bareTicket({ defaults: { division: -1 } })] }
    await turns()
    expect([opened.get('division'), stored()]).toEqual([3, []])
  })

  it('is discarded after an answer for another visitor', async () => {
    const [first, second] = [page(ANN), page(ANN)]
    const saved = first.set('division', 3)
    void second.set('division', 4)
    const greeting = [bareTicket({ defaults: { division: -1 } })]
    answer = { who: 'ann, who was revoked', hasCookie: true, otherVisitor: true, greeting, results: [], persisted: [] }
    globalThis.dispatchEvent(new Event('online'))
    await expect(saved).rejects.toMatchObject({ code: 'superseded' })
    expect([first.get('division'), stored()]).toEqual([-1, []])
  })

  it('is sent by the next page', async () => {
    void page(ANN).set('division', 3)
    const sent: string[] = []
    answer = (body) => {
      sent.push(body)
      return answerAsAnn(body)
    }
    page()
    for (let count = 0; count < 5; count += 1) await turn()
    expect(sent).toEqual(['{}', JSON.stringify({ who: 'ann', set: [['division', 7, '', 3]] })])
    expect(stored()).toEqual([])
  })
})

it('the ids of a page are valid for any random number', () => {
  const chance = jest.spyOn(Math, 'random').mockReturnValue(1 - Number.EPSILON)
  void page(ANN).update('division', (division: number) => division + 1)
  chance.mockRestore()
  const [name = ''] = stored()
  const text = localStorage.getItem(name) ?? ''
  expect(JSON.parse(text)[2]).toEqual([['division', 7, expect.stringMatching(/^[\w-]{1,32}$/), 2]])
})

describe('threat 94: a page that another page’s visitor may have replaced', () => {
  const ITEM = 'live-session:/store_session'
  const tell = (): boolean =>
    globalThis.dispatchEvent(new StorageEvent('storage', { key: ITEM, storageArea: localStorage }))
  const look = (who: string): void => {
    localStorage.setItem(ITEM, who)
    tell()
  }
  const greeting = [bareTicket({ defaults: { division: -1 }, changes: [['division', 7, 1]] })]

  it('hides its values, waits again for `ready`, and gives later subscribers nothing', async () => {
    const live = page(ANN) as Opened & LiveSessionClient<never>
    const heard: unknown[] = []
    const isReady = jest.fn()
    live.subscribe('division' as never, (value) => void heard.push(value))
    look('bob')
    live.subscribe('division' as never, (value) => void heard.push(['later', value]))
    void live.ready.then(isReady)
    await turn()
    expect([live.get('division'), live.status().status, heard, isReady.mock.calls]).toEqual([
      -1,
      'unknown',
      [1, -1],
      [],
    ])
    answer = { who: 'ann', hasCookie: true, persisted: [], results: [], greeting }
    globalThis.dispatchEvent(new Event('online'))
    await live.ready
    expect([live.get('division'), live.status().status, heard[2], heard.at(-1)]).toEqual([1, 'saved', 1, ['later', 1]])
    expect(localStorage.getItem(ITEM)).toBe('ann')
  })

  it('compares with the visitor that it has stored itself', async () => {
    const live = page(ANN)
    localStorage.removeItem(ITEM)
    tell()
    expect(live.get('division')).toBe(-1)
    answer = { who: 'ann', hasCookie: true, persisted: [], results: [], greeting }
    for (let times = 0; times < 2; times += 1) {
      look('bob')
      expect(live.get('division')).toBe(-1)
      globalThis.dispatchEvent(new Event('online'))
      await turn()
      await turn()
      expect(live.get('division')).toBe(1)
    }
  })

  it('compares when it is hidden and shown again', () => {
    const live = page(ANN)
    const show = (): boolean => document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    show()
    expect(live.get('division')).toBe(1)
    localStorage.clear()
    show()
    expect(live.get('division')).toBe(-1)
  })
})
