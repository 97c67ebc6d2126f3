import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { storeKey } from '../../server/subjects/store-key.js'
import { browserSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { browserId } from '../support/app/browser-id.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'
import { Visitor } from '../support/app/visitor.js'
import { within } from '../support/app/within.js'
import type { Page } from '../support/page/page.js'

describe('sockets that connect simultaneously after a restart', () => {
  const [USERS, TABS] = [20, 5]
  const fields = defineFields({ division: { schema: z.number().int(), default: -1, client: 'write', cookie: false } })

  it('share one load per subject', async () => {
    const store = memoryStore()
    const identify = (ctx: Koa.Context): string | undefined => ctx.get('x-user') || undefined
    const [gate, load, loads] = [new Gate(), store.load.bind(store), [] as string[]]
    const app = await App.start({ fields, options: { store, identify } as never, attach: { handshake: [] } })
    const users = await Promise.all(
      Array.from({ length: USERS }, async (_, at) => {
        const [user, id] = [String(at), browserId(`the-browser-of-user-${at}`)]
        await store.merge(`user:s:${user}`, [{ key: 'division', stamp: 5, value: at }])
        return { user, id, cookie: cookieFor(app.live, { userId: user, browserId: id }) }
      }),
    )
    store.load = async (subject) => {
      loads.push(subject)
      await gate.pass()
      return load(subject)
    }
    const connecting = users.flatMap(({ user, cookie }) =>
      Array.from({ length: TABS }, async () => {
        const socket = await app.visitor(cookie).connect('/', { 'x-user': user })
        return (await socket.ticket()).claims.changes
      }),
    )
    await within(
      async () => app.io.engine.clientsCount,
      (count) => count === connecting.length,
    )
    gate.open()
    const shown = users.flatMap((_, at) => Array.from({ length: TABS }, () => [['division', 5, at]]))
    expect(await Promise.all(connecting)).toEqual(shown)
    const subjects = users.flatMap(({ user, id }) => [`user:s:${user}`, storeKey(browserSubject(id))])
    expect(loads.toSorted()).toEqual(subjects.toSorted())
  })
})

describe('polling pages behind two sticky workers', () => {
  const ends: (() => unknown)[] = []

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  /** Returns the URL of two workers behind a sticky primary. */
  async function startSticky(): Promise<string> {
    const file = fileURLToPath(new URL('../support/servers/sticky-worker.ts', import.meta.url))
    const child = fork(file, { execArgv: ['--import', 'tsx'] })
    ends.push(async () => {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    })
    const [url] = await once(child, 'message')
    return url
  }

  function workerOf({ socket }: Page): string | undefined {
    return socket?.io.engine.id?.[0]
  }

  it("hear another worker's change, and save it", async () => {
    const visitor = new Visitor(await startSticky())
    const pages: Page[] = []
    ends.push(async () => {
      const closed = pages.map(({ socket }) => once(present(socket).io.engine, 'close'))
      visitor.leave()
      await Promise.all(closed)
    })
    await visitor.fetch('/login/now?user=ann')
    const open = async (): Promise<Page> => {
      const page = await visitor.open({ transports: ['polling'] })
      pages.push(page)
      await page.live.ready
      return page
    }
    const one = await open()
    const two = await within(open, (page) => workerOf(page) !== workerOf(one))
    const workers = [one, two].map((page) => [workerOf(page), page.socket.io.engine.transport.name])
    expect(workers.toSorted()).toEqual([
      ['1', 'polling'],
      ['2', 'polling'],
    ])
    const heard = two.shows('division', 3)
    await one.live.set('division', 3)
    await heard
    const back = one.shows('cart', ['a'])
    await two.live.set('cart', ['a'])
    await back
    expect(one.live.get('division')).toBe(3)
  })
})
