import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import Koa from 'koa'
import session from 'koa-session'
import { Server } from 'socket.io'
import { connect, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { liveSession } from '../../server/index.js'
import { coreOf } from '../../server/plugin.js'
import { defineFields } from '../../shared/index.js'
import { cookieFor } from '../../testing/cookie-for.js'
import { memoryStore } from '../../testing/memory-store.js'
import { answerOf } from '../fuzz/light-http.js'
import { browserId } from '../support/browser-id.js'

/*
 * An app, and guests without number who leave in it as much as they can, in one process:
 * node --max-old-space-size=200 --import tsx test/faults/hostile-guests.ts <row of threats> <ms>
 */
const [row = '84', ms = '5000'] = process.argv.slice(2)
const KILOBYTE = 'x'.repeat(1000)
const AT_ONCE = 16

const notes = { schema: z.any(), default: [], client: 'write', cookie: false } as const
const number = { schema: z.number(), default: -1, client: 'write', maxBytes: 100 } as const
const fields = defineFields({ notes, a: number, b: number, c: number, d: number, e: number })
const store = memoryStore()
const isStored = row === '86' || row === '90'
const limits = { changesPerSocket: 1e6, changesPerSubject: 1e6 }

const koa = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
koa.silent = true
const told: string[] = []
const onError = (error: unknown): void => void told.push(String(error))
const live = liveSession(koa, { fields, limits, onError, ...(isStored ? { store, storeTimeout: 20 } : {}) } as never)
koa.use(session({ key: 'app', store: live.sessionStore() }, koa))
koa.use(live.middleware())
koa.use(async (ctx) => {
  if (ctx.path === '/flash') for (let at = 0; at < 10; at += 1) await ctx['liveSession'].flash(`${at}`.padEnd(950, 'x'))
  if (ctx.path === '/session') ctx['session'].notes = Array.from({ length: 30 }, (_, at) => `${at}${KILOBYTE}`)
  if (ctx.path === '/get') ctx['liveSession'].get('a')
  ctx.body = 'done'
})
const http = createServer(koa.callback())
const io = new Server(http)
live.attach(io)
await once(http.listen(0, '127.0.0.1'), 'listening')
const port = (http.address() as AddressInfo).port
const listener = koa.callback()
const run = Date.now().toString(36)

function cookieOf(index: number): string {
  return cookieFor(live as never, { browserId: browserId(`${run}-${index}`) })
}

/** Requests come over no network, so that they fill memory sooner. */
async function ask(path: string, cookie: string, body?: object): Promise<number> {
  const text = Buffer.from(body ? JSON.stringify(body) : '')
  const host = { host: `127.0.0.1:${port}`, ...(cookie === '' ? {} : { cookie }) }
  const ofPost = {
    origin: `http://127.0.0.1:${port}`,
    'content-type': 'application/json',
    'content-length': `${text.length}`,
  }
  const headers = body ? { ...host, ...ofPost } : host
  const { status } = await answerOf(listener, { method: body ? 'POST' : 'GET', url: path, headers, body: text })
  return status
}

const post = (index: number, set: readonly unknown[]): Promise<number> =>
  ask('/store_session', cookieOf(index), { set })
const sockets: Socket[] = []

/** Connects a guest, who leaves 20 kB and never goes. A process has room for so many sockets, whatever they hold. */
async function stay(index: number): Promise<void> {
  if (sockets.length >= 1500) sockets.shift()?.close()
  const extraHeaders = { cookie: cookieOf(index), origin: `http://127.0.0.1:${port}` }
  const socket = connect(`http://127.0.0.1:${port}`, {
    extraHeaders,
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
  })
  sockets.push(socket)
  await new Promise((resolve) => socket.once('connect', () => resolve(undefined)).once('connect_error', resolve))
  const set = [['notes', -1, '', Array.from({ length: 20 }, (_, at) => `${at}${KILOBYTE}`)]]
  await socket
    .timeout(5000)
    .emitWithAck('live_session:sync', { set })
    .catch(() => undefined)
}

const rows: Readonly<Record<string, (index: number) => Promise<unknown>>> = {
  '57': (index) =>
    post(index, [
      ['notes', -1, '', Object.fromEntries(Array.from({ length: 830 }, (_, at) => [`${index}_${at}`, at]))],
    ]),
  indices: (index) => post(index, [['notes', -1, '', Array.from({ length: 1000 }, () => ({ 300: 1 }))]]),
  '84': (index) => ask('/flash', cookieOf(index)),
  '85': () => ask('/session', ''),
  '86': (index) => ask('/get', `${cookieOf(index)}; ${cookieOf(index + 0x7fffffff)}`),
  '90': (index) =>
    post(
      index % 200,
      ['a', 'b', 'c', 'd', 'e'].map((key) => [key, Date.now() + 1000, `${key}-${index}`.padEnd(32, 'x'), index]),
    ),
  '91': stay,
}

if (row === '86') store.fail(Number.POSITIVE_INFINITY)
const act = rows[row]
if (!act) throw new TypeError(`no such row: ${row}`)
const end = Date.now() + Number(ms)
let [index, most] = [0, 0]
const statuses: Record<number, number> = {}
const watch = setInterval(() => {
  most = Math.max(most, process.memoryUsage().heapUsed)
}, 100)
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (Date.now() < end) {
      index += 1
      const status = Number((await act(index)) ?? 0)
      statuses[status] = (statuses[status] ?? 0) + 1
      if (index % 100 === 0) await pause(1)
    }
  }),
)
clearInterval(watch)
globalThis.gc?.()
const { cached } = coreOf(live as never).subjects
const figures = {
  row,
  asked: index,
  statuses,
  most,
  left: process.memoryUsage().heapUsed,
  cached,
  told: new Set(told).size,
}
process.stdout.write(`${JSON.stringify(figures)}\n`)
process.exit(0)
