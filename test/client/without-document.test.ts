/**
 * The client without a document, as in a Web Worker and in Node.
 *
 * @jest-environment node
 */
import { describe, expect, it, jest } from '@jest/globals'
import { createLiveSession, followAddress, keepTab, onFlash } from 'koa-live-session/client'
import { createTimers } from '../../client/browser/environment.js'
import { createPoster } from '../../client/browser/post.js'
import { present } from '../support/app/present.js'
import { bareTicket } from '../support/page/bare-ticket.js'

const ENDPOINT = 'https://app.example/store_session'

/** A page of an app with untyped fields. */
interface Untyped {
  readonly ready: Promise<void>
  get(key: string): unknown
  set(key: string, value: unknown): Promise<void>
  status(key: string): unknown
  flush(): Promise<void>
  close(): void
}

const open = (options: object = {}): Untyped =>
  createLiveSession<never>({ endpoint: ENDPOINT, ...options } as never) as unknown as Untyped

/** Answers POSTs as a server with a single field; returns the bodies of the POSTs. */
function serve(answer: object = {}): readonly unknown[] {
  const bodies: unknown[] = []
  const fetch = async (_: string, { body }: RequestInit): Promise<Response> => {
    const message = JSON.parse(String(body))
    bodies.push(message)
    const results = (message.set ?? []).map(() => ({ stamp: 10, level: 'memory' }))
    const greeting = message.who ? {} : { greeting: [bareTicket({ defaults: { division: -1 }, guest: true })] }
    return Response.json({ who: 'g', hasCookie: true, persisted: [], results, ...greeting, ...answer })
  }
  Object.assign(globalThis, { fetch })
  return bodies
}

describe('a client without a document', () => {
  it('loads its first values, and saves a change', async () => {
    const bodies = serve()
    const live = open()
    await live.ready
    expect(live.get('division')).toBe(-1)
    await live.set('division', 3)
    live.close()
    expect([live.get('division'), bodies]).toEqual([3, [{}, { who: 'g', set: [['division', 0, '', 3]] }]])
  })

  it('shares nothing with other clients', () => {
    Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
    const clients = [open({ initial: { division: 1 } }), open({ initial: { division: 1 } })]
    void present(clients[0]).set('division', 3)
    expect(clients.map((live) => live.get('division'))).toEqual([3, 1])
    for (const live of clients) live.close()
  })

  it('does not warn that onFlash and followAddress have no effect', () => {
    const warn = jest.spyOn(console, 'warn').mockReturnValue()
    const live = open({ initial: { division: 1 } })
    onFlash(live as never, () => undefined)
    followAddress(live as never)
    expect(warn.mock.calls).toEqual([])
    live.close()
  })

  it('stores no value of a tab', async () => {
    serve({ ticket: bareTicket({ changes: [['step', 10, 3]], tab: ['step'] }) })
    // As in Node 25, where the whole process shares its sessionStorage.
    const sessionStorage = {}
    Object.assign(globalThis, { sessionStorage })
    const live = open()
    keepTab(live as never)
    await live.ready
    await live.set('step', 3)
    live.close()
    expect([live.get('step'), live.status('step'), sessionStorage]).toEqual([3, { status: 'saved' }, {}])
  })
})

describe('a process', () => {
  const started = (): readonly boolean[] =>
    jest.mocked(setTimeout).mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())

  it('stays alive for the timers of a page, except its renewal timer', () => {
    jest.spyOn(globalThis, 'setTimeout')
    const timers = createTimers(() => undefined)
    timers.start('renew', 300_000, 0)
    timers.start('greet', 1000, 500)
    expect(started()).toEqual([false, true])
    timers.close()
  })

  it('does not stay alive for the timeout of a POST', () => {
    jest.spyOn(globalThis, 'fetch').mockReturnValue(new Promise(() => undefined))
    jest.spyOn(globalThis, 'setTimeout')
    createPoster({ endpoint: ENDPOINT, credentials: 'same-origin', headers: {} }, () => undefined).post({}, 10_000)
    expect(started()).toEqual([false])
  })
})
