import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { transformSync } from 'esbuild'
import { Redis } from 'ioredis'
import type { Store } from 'koa-live-session'
import { fromIoredis, redisStore } from 'koa-live-session/redis'
import { memoryStore, storeContract } from 'koa-live-session/testing'
import { createClient, createCluster } from 'redis'
import { snippet } from '../support/readme.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import type { RedisServer } from '../support/servers/redis.js'
import { startRedisCluster } from '../support/servers/redis-cluster.js'
import { within } from '../support/within.js'

const PAGE = 'docs/stores.md'
/** Has the cluster, and a store of one's own. */
const REFERENCE = 'docs/stores-reference.md'
const GIVEN = { Redis, fromIoredis, redisStore, memoryStore, storeContract, createClient, createCluster }
const NEW = { key: 'a', stamp: 1_700_000_000_000, value: 'new' }

/** Runs a snippet as the body of a function that has what the snippet imports; `result` is what it answers with. */
function runSnippet(page: string, file: string, result: string, given: object = {}): Promise<unknown> {
  const { code } = transformSync(`async function snippet() {\n${withoutModules(page, file)}\nreturn ${result}\n}`, {
    loader: 'ts',
  })
  const all = { ...GIVEN, ...given }
  return new Function(...Object.keys(all), `${code}\nreturn snippet()`)(...Object.values(all))
}

function withoutModules(page: string, file: string): string {
  return snippet(file, page)
    .replace(/^import .*$/gm, '')
    .replace(/^export /gm, '')
}

describe(REFERENCE, () => {
  it('has a test of a store that passes', async () => {
    const runs: (() => Promise<void>)[] = []
    const given = {
      describe: (_: string, register: () => void) => register(),
      it: (_: string, __: object, run: () => Promise<void>) => runs.push(run),
    }
    await runSnippet(REFERENCE, 'own-store.test.ts', 'store', given)
    expect(runs).toHaveLength(storeContract(async () => memoryStore()).length)
    for (const run of runs) await run()
  })

  itRunsSnippetsOf('docs/stores-reference.md', 'own-store.test.ts')
})

describeWithServer(REDIS, 'docs/stores.md', () => {
  let server: RedisServer
  const before = process.env['REDIS_URL']
  beforeAll(async () => {
    const { port, ...started } = await startRedisCluster()
    server = started.server
    process.env['REDIS_URL'] = `redis://127.0.0.1:${port}`
  })
  afterAll(async () => {
    if (before === undefined) delete process.env['REDIS_URL']
    else process.env['REDIS_URL'] = before
    await server.stop()
  })

  it.each([
    [PAGE, 'redis.ts', 'client', 'destroy'],
    [PAGE, 'ioredis.ts', 'client', 'disconnect'],
    [REFERENCE, 'cluster.ts', 'cluster', 'destroy'],
  ])('of %s has in %s a store that works', async (page, file, client, end) => {
    const parts = (await runSnippet(page, file, `{ store, end: () => ${client}.${end}() }`)) as {
      store: Store
      end(): void
    }
    // ioredis connects in the background.
    const answer = await within(
      () => parts.store.merge('s', [NEW]).catch(() => []),
      (registers) => registers.length > 0,
    )
    expect(answer).toEqual([NEW])
    await parts.store.remove('s')
    expect(await parts.store.sweep(1)).toBe(0)
    expect(await parts.store.load('s')).toEqual([])
    parts.end()
  })

  itRunsSnippetsOf(PAGE, 'redis.ts', 'ioredis.ts')
  itRunsSnippetsOf('docs/stores-reference.md', 'cluster.ts')
})
