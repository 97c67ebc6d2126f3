// Target 1: reading a value by HTTP, with 300 bytes of values in the cookie.
import { CONTROL, compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { openLoad } from '../harness/http-load.mjs'
import { startServer, underLoad } from '../harness/http-server.mjs'
import { packages } from '../harness/packages.mjs'
import { withRedis } from '../harness/redis.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'
import { cookiesOf } from '../servers/http/app.mjs'
import { SESSIONS } from './packages.mjs'

const VISITORS = 256
const STRANGERS = 24_000
const MANY = 100_000

const BASE = 'bare Koa with the two headers'
const IDEAL = 'by hand, the least that does it'
const WARM = 'this library, warm'
const BUSY = 'this library, warm, while others sign out and close sockets'
const ELSEWHERE = 'this library, warm, while others do the same in another app of the process'
const IN_TURN = 'this library, 100,000 visitors in turn, with room for them'
const COLD = 'this library, cold'
const IN_COOKIE = 'koa-session, in the cookie'
const IN_REDIS = 'koa-session, in Redis'

/** Limits the number of concurrent processes, so that none waits for long: a waiting process loses its warm caches. */
export const read = {
  title: 'A value is read',
  async run(scale) {
    const many = cookiesOf(MANY)
    const ours = await compareOurs(scale, many)
    const folder = packages(SESSIONS)
    const peers = await withRedis((redis) => comparePeers(scale, many.slice(0, VISITORS), { redis, folder }))
    const bytes = await bytesOfVisitors(many)
    return {
      tables: [table('with this library', ours), table('with others', peers)],
      goals: [
        ...goalsOfOurs(ours),
        judge('bytes of heap a remembered visitor', bytes, '<=', 700),
        ...goalsOfPeers(peers),
      ],
      bars: { title: 'Requests a second, as a multiple of a warm read', values: bars(peers) },
    }
  },
}

function compareOurs({ rounds, samples, warmUps, ms }, many) {
  const cookies = many.slice(0, VISITORS)
  const bare = (mode) => underLoad({ file: 'bare', mode }, { ms, cookies })
  const ours = (mode, own = cookies) => underLoad({ file: 'live', mode }, { ms, cookies: own })
  const contestants = {
    [BASE]: bare('headers'),
    'bare Koa': bare('koa'),
    [IDEAL]: bare('ideal'),
    [WARM]: ours('live'),
    [BUSY]: ours('busy'),
    [ELSEWHERE]: ours('busyElsewhere'),
    [IN_TURN]: ours('roomy', many),
    [COLD]: ours('cold', many.slice(0, STRANGERS)),
    [IN_COOKIE]: underLoad({ file: 'koa-session', mode: 'inCookie' }, { ms }),
  }
  return compare(contestants, { rounds, samples, warmUps })
}

function comparePeers({ rounds, samples, warmUps, ms }, cookies, given) {
  const { redis, folder } = given
  const peer = (file, mode) => underLoad({ file, mode, given }, { ms })
  const contestants = {
    [WARM]: underLoad({ file: 'live', mode: 'live' }, { ms, cookies }),
    [IN_COOKIE]: peer('koa-session', 'inCookie'),
    ...(redis && { [IN_REDIS]: peer('koa-session', 'inRedis') }),
    ...(folder && {
      'iron-session on Koa': peer('others', 'ironSession'),
      'better-auth on Koa, from its cookie cache': peer('others', 'betterAuth'),
      'bare Express': underLoad({ file: 'others', mode: 'express', given }, { ms, cookies }),
    }),
    ...(folder && redis && { 'express-session with connect-redis': peer('others', 'expressSession') }),
  }
  return compare(contestants, { rounds, samples, warmUps })
}

function table(title, measured) {
  const [base] = measured.names
  return tableOf(title, namesOf(measured), {
    'requests/s': (name) => measured.of(name, 'rate'),
    'CPU µs': (name) => measured.of(name, 'cpu'),
    [`requests/s, of ${base}`]: (name) => measured.toBase(name, 'rate'),
    'CPU, of the same': (name) => measured.toBase(name, 'cpu'),
  })
}

function goalsOfOurs(measured) {
  const judged = (what, name, other, limit) =>
    judge(what, measured.ratio(name, other, 'rate'), '>=', limit, measured.noise('rate'))
  return [
    judged('warm read / bare Koa with the two headers', WARM, BASE, 0.92),
    judged('warm read / by hand', WARM, IDEAL, 0.97),
    judged('warm read while others sign out and close sockets / while they do so elsewhere', BUSY, ELSEWHERE, 0.95),
    judged('100,000 visitors in turn / warm read', IN_TURN, WARM, 0.9),
    judged('cold read / koa-session, in the cookie', COLD, IN_COOKIE, 1.25),
  ]
}

function goalsOfPeers(measured) {
  return [IN_COOKIE, IN_REDIS]
    .filter((name) => measured.names.includes(name))
    .map((name) => judge(`warm read / ${name}`, measured.ratio(WARM, name, 'rate'), '>=', 2.1, measured.noise('rate')))
}

const bars = (measured) =>
  measured.names.filter((name) => name !== CONTROL).map((name) => [name, measured.toBase(name, 'rate')])

/** Returns the heap growth per visitor, over the second half of the visitors: by then, the process has allocated its fixed part. */
async function bytesOfVisitors(cookies) {
  const child = await startServer({ file: 'live', mode: 'roomy' }, { flags: ['--expose-gc'] })
  const half = cookies.length / 2
  const heaps = []
  for (const visitors of [cookies.slice(0, half), cookies.slice(half)]) {
    const load = await openLoad(child.port, visitors)
    await load.run(0, half)
    load.close()
    heaps.push((await child.ask('usage')).heap)
  }
  await child.end()
  return (heaps[1] - heaps[0]) / half
}
