// An app's tests after its fields are registered.
import Koa from 'koa'
import { liveSession, type SocketSession, type Store } from 'koa-live-session'
import type { LiveSessionClient } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memorySession, memoryStore, storeContract, testClient, testClock } from 'koa-live-session/testing'
import type { Socket } from 'socket.io'
import { z } from 'zod'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  plan: { schema: z.enum(['free', 'paid']), default: 'free' },
  risk: { schema: z.number(), default: 0, client: 'hidden' },
})
declare module 'koa-live-session/fields' {
  interface Register {
    fields: typeof fields
  }
}

const clock = testClock(0)
clock.advance(1000)
// @ts-expect-error readonly
clock.now = () => 1
const store = memoryStore()
store.fail()
store.fail(Number.POSITIVE_INFINITY)
store.delay(400)
const live = liveSession(new Koa(), { fields, clock: clock.now, store })
const header: string = cookieFor(live, { userId: 1, values: { division: 3, plan: 'paid' } })
cookieFor(live, { browserId: header })
// @ts-expect-error another type
cookieFor(live, { values: { division: '3' } })
// @ts-expect-error not declared
cookieFor(live, { values: { devision: 3 } })

const tests: readonly { readonly name: string; readonly required: boolean; run(): Promise<void> }[] = storeContract(
  async (): Promise<Store> => store,
)
tests.map(({ name }) => name)

const session = memorySession(fields, { division: 3, risk: 1 }, { userId: 'ann' })
const socketSession: SocketSession = session
const socket: Pick<Socket, 'liveSession'> = { liveSession: session }
socketSession.get('division').toFixed()
session.change('division', 4)
session.change('plan', 'paid', 'job')
// @ts-expect-error another type
session.change('plan', 'cheap')
// @ts-expect-error not declared
session.change('devision', 4)
// @ts-expect-error no source
session.change('division', 4, 'elsewhere')
// @ts-expect-error another type
memorySession(fields, { division: null })
// @ts-expect-error not declared
memorySession(fields, { devision: 3 })
void socket

const client = testClient(fields, { division: 3 })
const page: LiveSessionClient = client
void page.set('division', 4)
client.receive({ division: 5, plan: 'paid' })
client.offline()
client.online()
client.refuseNext('rate_limited')
const [[key, value] = []] = client.sent
key?.toUpperCase()
// @ts-expect-error may be another key's value
value?.toFixed()
// @ts-expect-error readonly
client.sent.push(['division', 4])
// @ts-expect-error read-only
void client.set('plan', 'paid')
// @ts-expect-error hidden
client.get('risk')
// @ts-expect-error another type
client.receive({ division: '5' })
// @ts-expect-error not declared
client.receive({ devision: 5 })
// @ts-expect-error no code
client.refuseNext('refused')
