import { describe, expect, it } from '@jest/globals'
import { snippet } from '../support/readme.js'
import { startDocs, visitorOf } from '../support/running-docs.js'

const PAGE = 'docs/another-origin.md'

// In a browser, with the pages that Vite serves, it all runs in test/browser/another-origin.test.ts.
describe(PAGE, () => {
  it('has a server that answers its pages, and lets their sockets poll', async () => {
    const server = await startDocs(PAGE, 'server.ts', { others: { 'fields.ts': snippet('fields.ts', PAGE) } })
    const visitor = visitorOf(server)
    const origin = 'http://localhost:5173'
    const answer = await visitor.store({ set: [['division', -1, '', 3]] }, { origin })
    const polled = await visitor.fetch('/socket.io/?EIO=4&transport=polling', { headers: { origin } })
    for (const { headers } of [answer, polled]) {
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('access-control-allow-credentials')).toBe('true')
    }
    expect(await visitor.text('/')).toBe('division 3')
  })
})
