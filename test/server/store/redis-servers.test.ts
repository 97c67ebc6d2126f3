import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { afterEach, expect, it } from '@jest/globals'
import { Cluster } from 'ioredis'
import { fromIoredis, redisStore } from 'koa-live-session/redis'
import { createCluster } from 'redis'
import type { StoredRegister } from '../../../server/types/store.js'
import { wordsOf } from '../../support/docs/readme.js'
import { describeWithServer } from '../../support/servers/describe-with-server.js'
import { Folder } from '../../support/servers/folder.js'
import { REDIS } from '../../support/servers/installed.js'
import { RedisServer } from '../../support/servers/redis.js'
import { connectNodeRedis } from '../../support/servers/redis-clients.js'
import { startRedisCluster } from './redis-cluster.js'

const STAMP = 1_700_000_000_000
const DAY = 24 * 60 * 60 * 1000
/** A locale that sorts a before B; bytes sort B before a. */
const REVERSED = `comment_char %
escape_char /
LC_CTYPE
END LC_CTYPE
LC_COLLATE
order_start forward
<U0022>
<U0061>
<U0042>
UNDEFINED
order_end
END LC_COLLATE
`
const NAMES = ['s', 'a{b}c', '{}', '}{', '{', '\u{1f600}', ' ', 'x'.repeat(255)]

describeWithServer(REDIS, 'redisStore on a Redis', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })
  const start = async (options?: readonly string[], env?: NodeJS.ProcessEnv): Promise<RedisServer> => {
    const server = await RedisServer.start(options, env)
    ends.push(() => server.stop())
    return server
  }
  const connect = async (path: string) => {
    const connection = await connectNodeRedis(path)
    ends.push(() => connection.end())
    return connection.client
  }

  it('with "appendfsync always" keeps acknowledged merges after kill -9', async () => {
    const server = await start(
      wordsOf('conf', 'docs/stores-reference.md').map((word, at) => (at % 2 === 0 ? `--${word}` : word)),
    )
    const clients = [await connect(server.path), await connect(server.path), await connect(server.path)]
    const acknowledged: StoredRegister[] = []
    let killed: Promise<void> | undefined
    const writers = clients.map(async (client, writer) => {
      const store = redisStore(client)
      for (let turn = 0; ; turn += 1) {
        const register = { key: `writer${writer}.${turn % 5}`, stamp: STAMP + turn, value: turn }
        const answer = await store.merge('s', [register]).catch(() => undefined)
        if (!answer) return
        acknowledged.push(register)
        // The merges of the other writers are in flight.
        if (acknowledged.length === 60) killed = server.kill()
      }
    })
    await Promise.all(writers)
    await killed
    expect(acknowledged.length).toBeGreaterThanOrEqual(60)
    await server.start()
    const standing = new Map(
      (await redisStore(await connect(server.path)).load('s')).map((each) => [each.key, each.stamp]),
    )
    expect(acknowledged.filter(({ key, stamp }) => (standing.get(key) ?? 0) < stamp)).toEqual([])
  })

  it('in another locale compares values of one stamp as bytes', async () => {
    const locales = new Folder()
    ends.push(async () => locales.remove())
    writeFileSync(locales.in('source'), REVERSED)
    // Without localedef, Redis compares bytes anyway.
    spawnSync('localedef', ['-c', '-i', locales.in('source'), '-f', 'ANSI_X3.4-1968', locales.in('xx_XX')])
    const server = await start([], { LOCPATH: locales.path, LC_ALL: 'xx_XX' })
    const store = redisStore(await connect(server.path))
    for (const [one, other] of [
      ['a', 'B'],
      ['B', 'a'],
    ] as const) {
      await store.merge('s', [{ key: `${one}${other}`, stamp: STAMP, value: one }])
      await store.merge('s', [{ key: `${one}${other}`, stamp: STAMP, value: other }])
    }
    expect((await store.load('s')).map(({ value }) => value)).toEqual(['a', 'a'])
  })

  it('in cluster mode routes each script by its key', async () => {
    const { server, port } = await startRedisCluster()
    ends.push(() => server.stop())
    const single = await connect(server.path)
    const cluster = createCluster({ rootNodes: [{ url: `redis://127.0.0.1:${port}` }] })
    await cluster.connect()
    ends.push(async () => cluster.destroy())
    const io = new Cluster([{ host: '127.0.0.1', port }], { lazyConnect: true })
    await io.connect()
    ends.push(async () => io.disconnect())

    const nodeRedisCluster = {
      get isOpen() {
        return cluster.isOpen
      },
      sendCommand: (args: readonly string[]) => cluster.sendCommand(keyOf(args), false, [...args]),
    }
    for (const client of [single, nodeRedisCluster, fromIoredis(io)]) {
      const store = redisStore(client)
      for (const name of NAMES) {
        await store.merge(name, [{ key: 'a', stamp: STAMP, value: name }])
        expect(await store.compareAndSet(name, { key: 'a', stamp: STAMP + 1, value: 1 }, STAMP)).toBe(true)
        expect(await store.load(name)).toEqual([{ key: 'a', stamp: STAMP + 1, value: 1 }])
      }
      await store.remove('s')
      expect(await store.sweep(Date.now() + DAY)).toBe(NAMES.length - 1)
    }
  })
})

/** Returns the key that selects the node; in `EVALSHA sha 1 key ...` this is the fourth word. */
function keyOf([command, first, , key]: readonly string[]): string | undefined {
  if (command === 'SCAN') return undefined
  return command === 'DEL' ? first : key
}
