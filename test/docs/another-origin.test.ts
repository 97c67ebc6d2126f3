import { afterEach, describe, expect, it } from '@jest/globals'
import { DocsServer } from '../support/docs-server.js'
import { snippet } from '../support/readme.js'
import { Visitor } from '../support/visitor.js'

const PAGE = 'docs/another-origin.md'
const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

// In a browser, with the pages that Vite serves, it all runs in test/browser/another-origin.test.ts.
describe(PAGE, () => {
  it('has a server that answers its pages, and lets their sockets poll', async () => {
    const server = await DocsServer.start(PAGE, 'server.ts', { others: { 'fields.ts': snippet('fields.ts', PAGE) } })
    ends.push(() => server.remove())
    const visitor = new Visitor(server.url)
    ends.push(() => visitor.leave())
    const origin = 'http://localhost:5173'
    const answer = await visitor.store({ set: [['division', -1, 3]] }, { origin })
    const polled = await visitor.fetch('/socket.io/?EIO=4&transport=polling', { headers: { origin } })
    for (const { headers } of [answer, polled]) {
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('access-control-allow-credentials')).toBe('true')
    }
    expect(await visitor.text('/')).toBe('division 3')
  })
})
