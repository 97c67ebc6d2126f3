import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { io, type Socket } from 'socket.io-client'
import { freePort } from '../support/free-port.js'
import { snippet } from '../support/readme.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { within } from '../support/within.js'

const PAGE = 'docs/scaling.md'
const NAMES = ['cluster.ts', 'node.ts', 'redis-pubsub.ts']
const ORIGINS = ['one', 'two']

/** The app of the page's `cluster.ts`: each socket is told which process it is in, and may set a value. */
const APP = `
  import { createServer } from 'node:http'
  import Koa from 'koa'
  import { liveSession } from 'koa-live-session'
  import { Server } from 'socket.io'
  import { fields } from './fields.js'
  const app = new Koa({ keys: [process.env['SECRET'] ?? ''] })
  const live = liveSession(app, { fields, identify: () => 'ann' })
  app.use(live.middleware())
  export const http = createServer(app.callback())
  export const io = new Server(http)
  live.attach(io, { handshake: [] })
  io.on('connection', (socket) => {
    socket.emit('process', process.pid)
    socket.liveSession.onChange(({ value }) => socket.emit('division', value))
    socket.on('set', (division) => void socket.liveSession.set('division', division))
  })
`

/** Two servers in one process, each with an adapter of its own from the same snippet. */
const TWO_SERVERS = `
  import Koa from 'koa'
  import { liveSession } from 'koa-live-session'
  import { Server } from 'socket.io'
  import { fields } from './fields.js'
  const start = async (name: string) => {
    const { adapter } = await import(\`./redis-pubsub.ts?\${name}\`)
    const live = liveSession(new Koa({ keys: [process.env['SECRET'] ?? ''] }), { fields })
    live.attach(new Server({ adapter }))
    return live.user('ann')
  }
  const [one, two] = [await start('one'), await start('two')]
  two.onChange(({ source }) => {
    console.log('heard from a ' + source)
    process.exit()
  })
  // The adapter is connected a moment later.
  let division = 0
  setInterval(() => void one.set('division', (division += 1)), 50)
`

let folder: string
const children: ChildProcess[] = []
const sockets: Socket[] = []

function run(file: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const all = { SECRET: 'a secret of at least thirty-two bytes', TSX_TSCONFIG_PATH: resolve('tsconfig.json'), ...env }
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: folder,
    env: { ...process.env, ...all },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return child
}

/** What it prints, line by line, until it ends. */
async function linesOf(child: ChildProcess): Promise<readonly string[]> {
  const lines: string[] = []
  if (child.stdout) for await (const line of createInterface(child.stdout)) lines.push(line)
  return lines
}

async function textOf(url: string, cookie = ''): Promise<string> {
  const answer = await fetch(url, { headers: { cookie } }).catch(() => undefined)
  return answer?.ok ? await answer.text() : ''
}

/** Sets a value as a page without a socket does, and answers with the cookie. */
async function post(url: string, division: number, cookie = ''): Promise<string> {
  const answer = await fetch(`${url}/store_session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie },
    body: JSON.stringify({ set: [['division', -1, '', division]] }),
  })
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
}

beforeAll(() => {
  mkdirSync('.cache', { recursive: true })
  folder = mkdtempSync(resolve('.cache/scaling-'))
  const given = {
    'fields.ts': snippet('fields.ts'),
    'app.ts': APP,
    'two-servers.ts': TWO_SERVERS,
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of NAMES) writeFileSync(join(folder, name), snippet(name, PAGE))
  for (const [name, text] of Object.entries(given)) writeFileSync(join(folder, name), text)
})
afterAll(async () => {
  for (const socket of sockets) socket.close()
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  const ended = running.map((child) => once(child, 'exit'))
  for (const child of running) child.kill('SIGKILL')
  await Promise.all(ended)
  rmSync(folder, { recursive: true, force: true })
})

describe(PAGE, () => {
  it('has a cluster whose workers hear of each other, over polling, which is sticky', async () => {
    const port = await freePort()
    run('cluster.ts', { PORT: String(port) })
    const open = async (): Promise<{ socket: Socket; pid: number }> => {
      const socket = io(`http://127.0.0.1:${port}`, { transports: ['polling'], forceNew: true, reconnectionDelay: 50 })
      sockets.push(socket)
      return { socket, pid: await new Promise<number>((told) => socket.on('process', told)) }
    }
    const one = await open()
    const two = await within(open, ({ pid }) => pid !== one.pid)
    expect(two.pid).not.toBe(one.pid)
    const heard = new Promise((tell) => two.socket.on('division', tell))
    one.socket.emit('set', 3)
    expect(await heard).toBe(3)
  })

  itRunsSnippetsOf(PAGE, 'cluster.ts')
})

describeWithServer(REDIS, PAGE, () => {
  let server: RedisServer
  let url: string
  beforeAll(async () => {
    const port = await freePort()
    server = await RedisServer.start(['--bind', '127.0.0.1', '--port', String(port)])
    url = `redis://127.0.0.1:${port}`
  })
  afterAll(() => server.stop())

  it('has in redis-pubsub.ts an adapter that connects two nodes', async () => {
    expect(await linesOf(run('two-servers.ts', { REDIS_URL: url }))).toContain('heard from a node')
  })

  it('has in node.ts a node whose changes another one has, and which ends in order at SIGTERM', async () => {
    const ports = await Promise.all(ORIGINS.map(freePort))
    const nodes = ports.map((port) => run('node.ts', { PORT: String(port), REDIS_URL: url }))
    const [one = '', two = ''] = ports.map((port) => `http://127.0.0.1:${port}`)
    for (const each of [one, two])
      await within(
        () => textOf(each),
        (text) => text !== '',
      )
    const older = await post(one, 3)
    await post(one, 4, older)
    expect(
      await within(
        () => textOf(two, older),
        (text) => text === '4',
      ),
    ).toBe('4')
    await post(one, 5, older)
    const ended = nodes[0] && once(nodes[0], 'exit')
    nodes[0]?.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    expect(await textOf(two, older)).toBe('5')
  })

  itRunsSnippetsOf(PAGE, 'node.ts', 'redis-pubsub.ts')
})
