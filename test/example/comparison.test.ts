import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { freePort } from '../support/servers/free-port.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { ComparedApp } from './compared/app.js'
import { SCENARIOS } from './compared/scenarios.js'

const FOLDER = 'example/comparison'
const APPS = ['by-hand', 'library'] as const

const [, section = ''] = readFileSync('docs/comparison.md', 'utf8').split(/^## (?=By hand$)/m)
const page = section.slice(0, section.search(/^## /m))
const rowsOf = (table: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    [...table.matchAll(/^\| (.+) \|$/gm)].slice(2).map(([, row = '']) => {
      const [title = '', ...cells] = row.split(' | ')
      return [title, cells]
    }),
  )
const [sizes = '', outcomes = ''] = page.match(/(^\|.*\n)+/gm) ?? []
const promises = rowsOf(outcomes)

function sizeOf(...folders: string[]): string {
  const files = folders.flatMap((folder) =>
    readdirSync(join(FOLDER, folder)).flatMap((name) =>
      name.endsWith('.ts') ? [readFileSync(join(FOLDER, folder, name), 'utf8')] : [],
    ),
  )
  const isCode = (line: string): boolean => !/^\s*($|\/\/|\/?\*)/.test(line)
  return `${files.flatMap((text) => text.split('\n').filter(isCode)).length} in ${files.length} files`
}

describe('docs/comparison.md', () => {
  it('has a scenario for each differing row, and 4,500 bytes at most', () => {
    const differing = [...promises].filter(([, [byHand, library]]) => byHand !== library)
    expect(differing.map(([title]) => title)).toEqual(Object.keys(SCENARIOS))
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(4500)
  })

  it('states the numbers of lines of both apps', () => {
    expect([...rowsOf(sizes).values()]).toEqual([
      APPS.map((app) => sizeOf(`${app}/state`)),
      APPS.map((app) => sizeOf('.', app, `${app}/state`)),
    ])
  })
})

describeWithServer(REDIS, 'the same app twice', () => {
  let redis: RedisServer
  let url: string
  let folder: string
  beforeAll(async () => {
    const port = await freePort()
    url = `redis://127.0.0.1:${port}`
    redis = await RedisServer.start(['--bind', '127.0.0.1', '--port', String(port)])
    mkdirSync('.cache', { recursive: true })
    folder = mkdtempSync('.cache/comparison-')
  })
  afterAll(async () => {
    await redis.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  describe.each(APPS)('%s', (name) => {
    let app: ComparedApp
    beforeAll(async () => {
      app = await ComparedApp.start(name, join(folder, name), url)
    })
    afterEach(() => app.leave())
    afterAll(() => app.stop())

    it.each(Object.entries(SCENARIOS))('behaves as documented: %s', async (title, { play, outcomes }) => {
      const promise = promises.get(title)?.[APPS.indexOf(name)] ?? ''
      expect(Object.keys(outcomes)).toContain(promise)
      expect(await play(app)).toEqual(outcomes[promise])
    })
  })
})
