import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import { Hosts, listenAddress, ownOrigin } from '../../example/server/hosts.js'
import { send } from '../support/app/raw-http.js'
import { isReached, otherAddresses } from '../support/app/stranger.js'
import { Example } from '../support/servers/example.js'

const REBOUND = 'evil.example'
const LOCAL = ['localhost', '127.0.0.1', '[::1]']
const ADDRESSES = ['192.0.2.7', '[2001:db8::1]']
const asked = [...LOCAL, ...ADDRESSES, 'studio.example', REBOUND]

/** The environment, listening address, logged origin, and served hosts besides local hosts. */
const rows: readonly (readonly [NodeJS.ProcessEnv, string, string, readonly string[]])[] = [
  [{}, '127.0.0.1', 'http://localhost:3000', []],
  [{ HOST: '' }, '127.0.0.1', 'http://localhost:3000', []],
  [{ HOST: '192.0.2.7' }, '192.0.2.7', 'http://192.0.2.7:3000', ['192.0.2.7']],
  [{ HOST: '2001:db8::1' }, '2001:db8::1', 'http://[2001:db8::1]:3000', ['[2001:db8::1]']],
  [{ HOST: 'Studio.example' }, 'Studio.example', 'http://Studio.example:3000', ['studio.example']],
  [{ HOST: '0.0.0.0' }, '0.0.0.0', 'http://localhost:3000', ADDRESSES],
  [{ HOST: '::' }, '::', 'http://localhost:3000', ADDRESSES],
  [{ ALLOWED_HOSTS: 'studio.example' }, '127.0.0.1', 'http://localhost:3000', ['studio.example']],
  [{ HOST: '::', ALLOWED_HOSTS: ' ,Studio.example ' }, '::', 'http://localhost:3000', [...ADDRESSES, 'studio.example']],
]

describe('the example with host variables', () => {
  it.each(rows)('%j listens on %s, logs %s, and serves %j', (variables, address, origin, others) => {
    expect([listenAddress(variables), ownOrigin(3000, variables)]).toEqual([address, origin])
    const hosts = new Hosts(variables)
    for (const port of ['', ':3000'])
      expect(asked.filter((host) => hosts.has(host + port))).toEqual([...LOCAL, ...others])
    expect(hosts.has(undefined)).toBe(false)
  })

  it('keeps cluster nodes on loopback', () => {
    const variables = { HOST: '0.0.0.0', CLUSTER_PORT: '3000' }
    expect([listenAddress(variables), ownOrigin(41_000, variables)]).toEqual(['127.0.0.1', 'http://localhost:3000'])
    expect(new Hosts(variables).has('192.0.2.7')).toBe(true)
  })

  it.each(['example/start.mjs', 'example/cluster.mjs'])('ends %s with a message if HOST is unknown', async (script) => {
    const folder = mkdtempSync(join(tmpdir(), 'hosts-'))
    // The address is reserved for documentation, so no machine has it.
    const env = { ...process.env, PORT: '0', HOST: '192.0.2.7', EXAMPLE_CACHE: folder, REDIS_SERVER: process.execPath }
    const started = spawn(process.execPath, [script], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    const [printed, [code]] = await Promise.all([text(started.stderr), once(started, 'exit')])
    rmSync(folder, { recursive: true })
    expect(printed).toContain('HOST: expected an address or a name of this machine, received "192.0.2.7".')
    expect(code).toBe(1)
  })
})

describe.each(['react', 'vue', 'express', 'fastify'])('threat 100: npm start %s', (name) => {
  it('listens on 127.0.0.1 only, and refuses a foreign Host header', async () => {
    const small = await Example.start('start', {}, [name])
    const reached = await Promise.all(otherAddresses().map((address) => isReached(address, new URL(small.url).port)))
    const { status } = await send(small.url, { headers: { host: REBOUND } })
    await small.stop()
    expect(reached).not.toContain(true)
    expect(status).toBe(421)
  })
})

describe('threat 100: the example with HOST=0.0.0.0 and ALLOWED_HOSTS', () => {
  it('serves IP addresses and the listed hosts only', async () => {
    const open = await Example.start('start', { HOST: '0.0.0.0', ALLOWED_HOSTS: 'studio.example, Other.example' })
    const statuses = []
    for (const host of ['192.0.2.7', '[2001:db8::1]', 'studio.example', 'other.example', 'localhost', REBOUND])
      statuses.push((await send(open.url, { headers: { host: `${host}:${new URL(open.url).port}` } })).status)
    await open.stop()
    expect(statuses).toEqual([200, 200, 200, 200, 200, 421])
    expect(open.lines).toContain('Serves localhost, 127.0.0.1, [::1], any IP address, studio.example, other.example.')
  })
})
