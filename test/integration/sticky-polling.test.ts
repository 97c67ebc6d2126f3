import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { Page } from '../support/page.js'
import { Visitor } from '../support/visitor.js'
import { within } from '../support/within.js'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** Where two worker processes are, to which a primary hands connections. */
async function startSticky(): Promise<string> {
  const file = fileURLToPath(new URL('../support/sticky-worker.ts', import.meta.url))
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

describe('pages that have polling alone, behind two workers and @socket.io/sticky', () => {
  it('hear what a tab at the other worker sets, and save it', async () => {
    const visitor = new Visitor(await startSticky())
    const pages: Page[] = []
    ends.push(async () => {
      const closed = pages.map(({ socket }) => new Promise((resolve) => socket?.io.engine.once('close', resolve)))
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
    const workers = [one, two].map((page) => [workerOf(page), page.socket?.io.engine.transport.name])
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
