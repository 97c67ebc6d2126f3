// A million users with three registers each in the memory of a process: `cache.mjs map|live`.
import Koa from 'koa'
import { z } from 'zod'
import { liveSession } from '../../dist/server/index.js'
import { coreOf } from '../../dist/server/plugin.js'
import { defineFields } from '../../dist/shared/index.js'
import { answerBench, usage } from '../harness/child.mjs'

const DAY = 86_400_000
/** Writes timed together: more would hide a pause, fewer would measure the clock itself. */
const TOGETHER = 50
const READS = 200_000

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { schema: z.string(), default: 'light', client: 'write' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
})
const values = () => ({ division: 3, theme: 'dark', cart: ['tea', 'cups', 'milk'] })

const caches = {
  /** The baseline: a Map without limit and without expiry. */
  map() {
    const map = new Map()
    return {
      write(user) {
        const registers = Object.entries(values()).map(([key, value]) => [key, { stamp: Date.now(), value }])
        map.set(`user:s:${user}`, Object.fromEntries(registers))
      },
      read: (user) => map.get(`user:s:${user}`),
    }
  },
  live(maxVisitors) {
    let later = 0
    const clock = () => Date.now() + later
    const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
    const live = liveSession(app, { fields, clock, maxAge: DAY, cache: { maxVisitors } })
    const { memory } = coreOf(live)
    return {
      write: async (user) => (await live.user(user)).setMany(values()),
      read: (user) => memory.find(`user:s:${user}`),
      /** Drops the older half of the users; the next call drops the other half. */
      expire() {
        later += DAY
        memory.evictIdle()
      },
    }
  },
}

const [name] = process.argv.slice(2)
let cache

async function fill(count) {
  // The cache keeps at least half of its maximum, and must keep everyone.
  cache = caches[name](2 * count + 2)
  const before = usage().heap
  const growth = await worst(0, count)
  return { bytes: (usage().heap - before) / count, growth }
}

/** Returns the longest time of a group of writes, in ms. */
async function worst(from, count) {
  let longest = 0
  for (let user = from; user < from + count; user += TOGETHER) {
    const began = performance.now()
    for (let i = 0; i < TOGETHER; i += 1) await cache.write(user + i)
    longest = Math.max(longest, performance.now() - began)
  }
  return longest
}

/** Returns the ns of each read. */
function get(count) {
  const began = performance.now()
  let found = 0
  // A prime, so that the reads are in no particular order.
  for (let i = 0; i < READS; i += 1) if (cache.read((i * 7_368_787) % count)) found += 1
  if (found < READS) throw new Error(`${READS - found} were not found`)
  return ((performance.now() - began) * 1e6) / READS
}

/** Returns the longest pause caused by expiry, in ms. */
function expire() {
  if (!cache.expire) return 0
  const times = [0, 1].map(() => {
    const began = performance.now()
    cache.expire()
    return performance.now() - began
  })
  return Math.max(...times)
}

/** Returns the longest pause while a full cache takes as many users again, in ms. */
async function evict(count) {
  cache = caches[name](count)
  await worst(0, count)
  return worst(count, count)
}

answerBench({}, { fill, get, expire, evict })
