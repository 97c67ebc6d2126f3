import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import type { Server } from 'socket.io'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { SnippetFolder } from '../support/snippet-folder.js'
import { Visitor } from '../support/visitor.js'

/** What `figures.ts` exports. */
interface Figures {
  readonly app: Koa
  readonly io: Server
  readonly live: LiveSessionPlugin
  publish(division: number, figures: readonly number[]): void
}

const PAGE = 'docs/rooms.md'
const folder = SnippetFolder.of(PAGE)

describe(PAGE, () => {
  let figures: Figures
  let url: string
  beforeAll(async () => {
    process.env['SECRET'] = 'a secret of at least thirty-two bytes'
    figures = (await folder.import('figures.ts')) as Figures
    const http = createServer(figures.app.callback())
    figures.io.attach(http)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${Object(http.address()).port}`
  })
  afterAll(async () => {
    await figures.live.close()
    await figures.io.close()
  })

  it('sends figures to the pages of a division alone, and its first ones to the page that has changed', async () => {
    const visitors = [new Visitor(url), new Visitor(url)]
    const [one, two] = await Promise.all(visitors.map((visitor) => visitor.connect()))
    const heard: unknown[] = []
    for (const [index, page] of [one, two].entries()) page?.io.on('figures', (found) => heard.push([index, found]))
    for (const page of [one, two]) await page?.sync({})
    heard.splice(0)
    await one?.change('division', 3)
    figures.publish(3, [1, 2])
    figures.publish(-1, [4])
    const last = one && once(one.io as never, 'end')
    figures.io.emit('end')
    await last
    for (const page of [one, two]) await page?.sync({})
    expect(heard.sort()).toEqual([
      [0, [1, 2]],
      [0, [3]],
      [1, [4]],
    ])
    for (const visitor of visitors) visitor.leave()
  })

  itRunsSnippetsOf(PAGE)
})
