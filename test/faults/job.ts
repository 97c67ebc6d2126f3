import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'

/** Sets a value during an outage of the store, and waits for `settled()`. */

const fields = defineFields({ visits: { schema: z.number().int(), default: 0 } })
const store = memoryStore()
const live = liveSession(new Koa({ keys: ['a secret of at least thirty-two bytes'] }), {
  fields,
  store,
  onError: () => undefined,
})
const ann = await live.user('ann')
store.fail(3)
await ann.set('visits', 1)
await live.settled()
const [stored] = await store.load('user:s:ann')
console.log(`stored ${stored?.value}`)
