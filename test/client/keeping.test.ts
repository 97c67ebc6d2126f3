import { afterEach, describe, expect, it } from '@jest/globals'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import type { AnySnapshot } from '../../shared/protocol.js'

const ANN: AnySnapshot = {
  subject: 'ann',
  values: { division: 1 },
  defaults: { division: -1 },
  stamps: { division: 7 },
}
const BOB: AnySnapshot = { ...ANN, subject: 'bob', values: { division: 2 } }

const open: LiveSessionClient<never>[] = []
/** What POSTs are answered; none: the server is away. */
let answer: object | undefined

Object.assign(globalThis, {
  fetch: async () => {
    if (!answer) throw new TypeError('fetch failed')
    return { ok: true, status: 200, json: async () => answer }
  },
})

/** A page of an app whose fields are not typed here. */
interface Opened {
  get(key: string): unknown
  set(key: string, value: unknown): Promise<void>
}

function page(initial: AnySnapshot): Opened {
  const live = createLiveSession<never>({ initial: initial as never })
  open.push(live)
  return live as unknown as Opened
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))
const kept = (): unknown[] => Object.keys(localStorage).map((name) => name.replace('live-session:/store_session:', ''))

afterEach(() => {
  for (const live of open.splice(0)) live.close()
  localStorage.clear()
  answer = undefined
})

describe('threat 31: what a page leaves in its browser', () => {
  it('is shown by the next page of the same subject, and by no other subject\u2019s', () => {
    void page(ANN).set('division', 3)
    expect(kept()).toEqual(['draft division'])
    expect(page(ANN).get('division')).toBe(3)
    expect(page(BOB).get('division')).toBe(2)
    expect(kept()).toEqual([])
    expect(page(ANN).get('division')).toBe(1)
  })

  it('is nothing before the browser was seen with our cookie', async () => {
    const opened = page({ ...ANN, cookieless: true })
    void opened.set('division', 3)
    expect(kept()).toEqual([])
    await turn()
    answer = { stored: 0, stale: 0, held: [['division', 7]], stamp: 8 }
    globalThis.dispatchEvent(new Event('online'))
    await turn()
    answer = undefined
    void opened.set('division', 4)
    expect(kept()).toEqual(['draft division'])
  })

  it('is nothing where it is not known whose page it is', () => {
    void page({ ...ANN, subject: '', cookieless: true, consent: false }).set('division', 3)
    expect(kept()).toEqual([])
  })
})
