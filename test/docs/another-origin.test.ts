import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { compile } from '../support/compile.js'
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
    const server = await DocsServer.start(PAGE, 'server.ts', { beside: ['fields.ts'] })
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

  it('has snippets that compile, and no others', () => {
    mkdirSync('.cache', { recursive: true })
    const at = mkdtempSync(resolve('.cache/guide-'))
    ends.push(() => rmSync(at, { recursive: true, force: true }))
    writeFileSync(join(at, 'package.json'), '{ "type": "module" }')
    const names = ['fields.ts', 'page.ts', 'server.ts', 'vite.config.ts']
    for (const name of names) writeFileSync(join(at, name), snippet(name, PAGE))
    expect(compile(names.map((name) => relative('.', join(at, name))))).toEqual([])
    const files = [...readFileSync(PAGE, 'utf8').matchAll(/^```ts\n\/\/ (\S+)/gm)].map(([, name]) => name)
    expect(files.sort()).toEqual(names)
  })
})
