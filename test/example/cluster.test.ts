import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, it } from '@jest/globals'
import { send } from '../support/app/raw-http.js'
import { isReached, otherAddresses, upgrade } from '../support/app/stranger.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { Example } from '../support/servers/example.js'
import { REDIS } from '../support/servers/installed.js'

function start(env: NodeJS.ProcessEnv): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, ['example/cluster.mjs'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

it('start:cluster without Redis explains how to install it', async () => {
  const started = start({ REDIS_SERVER: '/no/redis-server' })
  const [printed, [code]] = await Promise.all([text(started.stderr), once(started, 'exit')])
  expect(code).toBe(1)
  expect(printed).toContain('NEEDS REDIS')
  expect(printed).toContain('apt-get install -y redis-server')
})

describeWithServer(REDIS, 'start:cluster', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends its processes on %s, and leaves no file', async (signal) => {
    const [folder, build] = ['tmp', 'build'].map((name) => mkdtempSync(join(tmpdir(), `cluster-${name}-`)))
    const started = start({ PORT: '0', TMPDIR: folder, EXAMPLE_CACHE: build })
    const errors = text(started.stderr)
    const pids: number[] = []
    let isUp = false
    for await (const line of createInterface(started.stdout)) {
      const [, pid] = /^Node \w is process (\d+)/.exec(line) ?? []
      if (pid !== undefined) pids.push(Number(pid))
      isUp = /^ControlManiac: http/.test(line)
      if (isUp) break
    }
    if (!isUp) throw new Error(`it has ended before it was up:\n${await errors}`)
    expect(readdirSync(folder ?? '')).toHaveLength(1)
    const ended = once(started, 'exit')
    started.kill(signal)
    expect(await ended).toEqual([0, null])
    expect(pids).toHaveLength(2)
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    expect(readdirSync(folder ?? '')).toEqual([])
    for (const each of [folder, build]) rmSync(each ?? '', { recursive: true })
  })

  it('listens on 127.0.0.1, and refuses rebound hosts', async () => {
    const example = await Example.start('start:cluster')
    const { port } = new URL(example.url)
    const reached = await Promise.all(otherAddresses().map((address) => isReached(address, port)))
    const { status } = await send(example.url, { headers: { host: 'evil.example' } })
    const sockets = [await upgrade(port, 'evil.example'), await upgrade(port, `localhost:${port}`)]
    await example.stop()
    expect(reached).not.toContain(true)
    expect(status).toBe(421)
    expect(sockets.map(({ line }) => line)).toEqual([
      'HTTP/1.1 421 Misdirected Request',
      'HTTP/1.1 101 Switching Protocols',
    ])
    expect(example.inspector).toContain(`${example.url}/inspector?token=`)
  })
})
