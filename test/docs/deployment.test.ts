import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { DocsServer } from '../support/docs/docs-server.js'
import { snippet, snippetsOf } from '../support/docs/readme.js'

const PAGE = 'docs/deployment.md'
let server: DocsServer | undefined
afterEach(() => server?.remove())

/** The code of all guides and examples, by name. */
function sources(): ReadonlyMap<string, string> {
  const pages = readdirSync('docs').filter((name) => name.endsWith('.md'))
  const snippets = pages.flatMap((name) =>
    snippetsOf(`docs/${name}`).map(({ file, text }) => [`docs/${name}: ${file}`, text] as const),
  )
  const files = readdirSync('example', { recursive: true, encoding: 'utf8' }).filter((name) => /\.m?ts$/.test(name))
  return new Map([...snippets, ...files.map((name) => [name, readFileSync(`example/${name}`, 'utf8')] as const)])
}

/** A worker that notes its graceful end. */
const WORKER = `import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Server } from 'socket.io'

export const io = new Server(createServer())
process.once('SIGTERM', () => {
  appendFileSync('ended', 'live.close()')
  process.exit()
})
`

describe(`server.ts of ${PAGE}`, () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('closes by itself on %s', async (signal) => {
    server = await DocsServer.start(PAGE, 'server.ts', {
      others: { 'fields.ts': snippet('fields.ts', 'docs/values.md'), 'browser.js': '' },
      variables: { SECRETS: 'a secret of at least thirty-two bytes' },
    })
    expect(await server.end(signal)).toBe(0)
  })
})

describe('cluster.ts of docs/scaling.md', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('lets its workers end by themselves on %s', async (signal) => {
    server = await DocsServer.start('docs/scaling.md', 'cluster.ts', {
      others: { 'app.ts': WORKER },
      change: (text) => `${text}
if (cluster.isWorker) console.log('http://localhost:${/\?\? (\d+)/.exec(text)?.[1]}')`,
    })
    expect(await server.end(signal)).toBe(0)
    expect(readFileSync(join(server.folder, 'ended'), 'utf8')).toContain('live.close()')
  })
})

it('every server in the guides and examples that hears SIGTERM hears SIGINT', () => {
  const hearing = [...sources()].filter(([, text]) => text.includes("'SIGTERM'"))
  expect(hearing.map(([name]) => name)).toEqual(expect.arrayContaining(['full/server.ts', 'docs/scaling.md: node.ts']))
  expect(hearing.filter(([, text]) => !text.includes("'SIGINT'")).map(([name]) => name)).toEqual([])
})
