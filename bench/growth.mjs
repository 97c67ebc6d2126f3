// Target 11: what a request and a change cost as users, keys and other visitors' sockets grow. In this process, with real requests and
// answers of node:http that go nowhere, and without what bare Koa takes for the same: all that would hide microseconds.
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Writable } from 'node:stream'
import Koa from 'koa'
import { z } from 'zod'
import { liveSession } from '../dist/server/index.js'
import { coreOf } from '../dist/server/plugin.js'
import { defineFields } from '../dist/shared/index.js'
import { cookieFor } from '../dist/testing/index.js'
import { median, report } from './tools.mjs'

const ROUNDS = 15
const REQUESTS = 4000
const CHANGES = 4000
const MILLION = 1_000_000
/** Those who make the requests. */
const VISITORS = 200
const KEYS = 20

const names = Array.from({ length: KEYS }, (_, i) => `key${i}`)
const fields = defineFields(
  Object.fromEntries(names.map((name) => [name, { schema: z.string(), default: '', client: 'write' }])),
)
const valuesOf = (keys) => Object.fromEntries(names.slice(0, keys).map((name) => [name, 'value']))

export async function growth() {
  const users = await compare('users in memory', [1, 1000, MILLION], (count) => reads({ users: count }))
  const keys = await compare('keys in the cookie', [1, 5, KEYS], (count) => reads({ keys: count }))
  const others = await compare('other visitors with sockets', [0, 1000, 100_000], changes)
  report('11 warm read with 1,000,000 users / with 1', users, '<=', 1.3)
  report(`11 warm read with ${KEYS} keys / with 1`, keys, '<=', 1.1)
  report('11 change beside 100,000 visitors / beside none', others, '<=', 1.3)
}

/** Times of each count, taken in turn. Answers with what the largest costs, as a multiple of the smallest. */
async function compare(what, counts, prepare) {
  const works = []
  for (const count of counts) works.push(await prepare(count))
  const times = works.map(() => [])
  for (const work of works) await work()
  for (let round = 0; round < ROUNDS; round += 1) for (const [i, work] of works.entries()) times[i].push(await work())
  for (const [i, count] of counts.entries())
    console.log(`${what}: ${count.toLocaleString('en')}: ${median(times[i]).toFixed(1)} us`)
  return median(times.at(-1)) / median(times[0])
}

const SECRET = 'a secret of at least thirty-two bytes'

/** Bare Koa: what a request costs anyway. */
const bare = new Koa({ keys: [SECRET] })
  .use((ctx) => {
    ctx.body = 'value'
  })
  .callback()

function start() {
  const app = new Koa({ keys: [SECRET] })
  // All of them are to stay in the cache: it keeps between half of so many and all.
  const live = liveSession(app, { fields, cache: { maxSubjects: 3 * MILLION } })
  app.use(live.middleware())
  app.use((ctx) => {
    ctx.body = ctx.liveSession.get('key0')
  })
  return { live, handle: app.callback() }
}

/** Warm reads: us each, over those of bare Koa. */
async function reads({ users = 1, keys = 3 }) {
  const { live, handle } = start()
  for (let user = 0; user < users; user += 1) await (await live.user(user)).setMany(valuesOf(3))
  const cookies = Array.from({ length: VISITORS }, () => cookieFor(live, { values: valuesOf(keys) }))
  const ask = (server) => timed(REQUESTS, (i) => request(server, cookies[i % VISITORS]))
  return async () => (await ask(handle)) - (await ask(bare))
}

async function request(server, cookie) {
  const req = new IncomingMessage(new Socket())
  Object.assign(req, { method: 'GET', url: '/', headers: { host: 'localhost', cookie } })
  const res = new ServerResponse(req)
  res.assignSocket(new Writable({ write: (_chunk, _encoding, done) => done() }))
  await server(req, res)
  if (res.statusCode !== 200) throw new Error(`answered ${res.statusCode}`)
}

/** Changes of one visitor, while others have connections: us each. */
async function changes(others) {
  const { live } = start()
  const { subjects } = coreOf(live)
  for (let other = 0; other < others; other += 1) subjects.hold(`user:n:${1 + other}`)
  const user = await live.user(0)
  return () => timed(CHANGES, (i) => user.set('key0', `value ${i}`))
}

async function timed(count, act) {
  // Until the event loop turns, node:http and Koa hold on to every request of the round before.
  await new Promise(setImmediate)
  const began = process.cpuUsage()
  for (let i = 0; i < count; i += 1) await act(i)
  const { user, system } = process.cpuUsage(began)
  return (user + system) / count
}
