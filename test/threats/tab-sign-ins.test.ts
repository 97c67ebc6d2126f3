import { describe, expect, it } from '@jest/globals'
import type { SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import type { PageAnswer } from '../../shared/protocol.js'
import { App, type AppOptions } from '../support/app/app.js'
import { auth, identify, pages } from '../support/app/auth.js'
import { present } from '../support/app/present.js'
import { send } from '../support/app/raw-http.js'
import { recordRefusals } from '../support/app/refused.js'
import { readClaims, type TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'

const text = { schema: z.string(), default: '', client: 'write' } as const
const fields = defineFields({
  draft: { ...text, scope: 'tab', onLogin: 'newest' },
  plain: { ...text, scope: 'tab' },
  own: { ...text, client: 'read', scope: 'tab', onLogin: 'newest' },
  users: { ...text, guests: 'read', scope: 'tab', onLogin: 'newest' },
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { schema: z.string(), default: 'light' },
  cart: { schema: z.array(z.string()), default: [] },
  role: { schema: z.string(), default: 'guest' },
})
type TabApp = App<typeof fields>

const refusals = recordRefusals()

async function start(given: Pick<AppOptions<typeof fields>, 'clock'> = {}): Promise<TabApp> {
  const app = await App.start({
    ...given,
    fields,
    before: (koa) => [auth(koa)],
    // By default, the account takes all guests' values, but not those of tabs.
    options: { identify, onLogin: 'newest' } as never,
    routes: pages,
  })
  app.io.on('connection', (socket) => {
    const session = socket.liveSession as unknown as SocketSession<typeof fields>
    socket.on('serve', (key: 'own' | 'users', done: () => void) => void session.set(key, 'by the server').then(done))
  })
  return app
}

async function open(visitor: Visitor, ...liveTab: string[]): Promise<TestSocket> {
  const socket = await visitor.connect('/', {}, { liveTab })
  await socket.greeted
  return socket
}

/** Returns the tab's values in the greeting of a socket with these tickets. */
async function greeted(visitor: Visitor, ...liveTab: string[]): Promise<unknown> {
  return tabValues(await (await open(visitor, ...liveTab)).greeted)
}

function tabValues({ greeting = [] }: Pick<PageAnswer, 'greeting'>): unknown {
  const changes = greeting.map(readClaims).flatMap(({ tab, changes }) => (tab ? changes : []))
  return Object.fromEntries(changes.map(([key, , value]) => [key, value]))
}

/** Sets a value in a new tab, and returns its newest ticket. */
async function write(visitor: Visitor, key = 'draft', value = 'two tents'): Promise<string> {
  await visitor.text('/page')
  const socket = await open(visitor)
  if (key === 'own' || key === 'users') await socket.io.emitWithAck('serve', key)
  else await socket.change(key, value)
  return present(socket.tickets.findLast(({ claims }) => claims.changes[0]?.[0] === key)).text
}

const signIn = (visitor: Visitor, user = 'ann', path = '/login/now'): Promise<unknown> =>
  visitor.fetch(`${path}?user=${user}`, { method: 'POST' })

async function signOut(visitor: Visitor): Promise<void> {
  await visitor.fetch('/logout/leave')
  await visitor.text('/page')
}

const DRAFT = { draft: 'two tents' }

describe('a guest’s tab values at the sign-in', () => {
  it.each(['/login/now', '/login'])('follow the guest after %s', async (path) => {
    const visitor = (await start()).visitor()
    const [one, two] = [await write(visitor), await write(visitor, 'draft', 'a stove')]
    await signIn(visitor, 'ann', path)
    await visitor.text('/page')
    // Each tab keeps its own.
    expect([await greeted(visitor, one), await greeted(visitor, two), await greeted(visitor)]).toEqual([
      DRAFT,
      { draft: 'a stove' },
      {},
    ])
    expect(refusals).toEqual([])
  })

  it('are in the first HTML and accepted by POST', async () => {
    const visitor = (await start()).visitor()
    const ticket = await write(visitor)
    await signIn(visitor)
    const cookie = `${visitor.cookie}; live-tab=${ticket}`
    const { text } = await send(`${visitor.url}/page`, { headers: { cookie, 'sec-fetch-dest': 'document' } })
    const { values, who } = JSON.parse(text)
    expect(values).toMatchObject(DRAFT)
    expect((await visitor.store({ who, tickets: [ticket] })).status).toBe(200)
  })

  it('follow at another node and after a restart', async () => {
    const app = await start()
    const visitor = app.visitor()
    const ticket = await write(visitor)
    await signIn(visitor)
    const { clock } = app
    await app.stop({ isCrash: true })
    expect(await greeted((await start({ clock })).visitor(visitor.cookie), ticket)).toEqual(DRAFT)
  })

  it('become the user’s own tickets, and lose to newer values', async () => {
    const app = await start()
    const visitor = app.visitor()
    const ticket = await write(visitor)
    await signIn(visitor)
    const socket = await open(visitor, ticket)
    await socket.change('draft')
    const deleted = present(socket.tickets.at(-1)).text
    expect(await greeted(visitor, deleted, ticket)).toEqual({ draft: undefined })
  })
})

it('a guest’s open page is greeted with the tab’s values after a sign-in', async () => {
  const visitor = (await start()).visitor()
  const ticket = await write(visitor)
  const { who } = await (await open(visitor)).greeted
  await signIn(visitor)
  const answer = await (await open(visitor, ticket)).exchange({ who: present(who) })
  expect(tabValues(answer as PageAnswer)).toEqual(DRAFT)
})

describe('threat 75: tab values', () => {
  it.each(['plain', 'users', 'own'])('of a guest stay behind without onLogin and write access: %s', async (key) => {
    const visitor = (await start()).visitor()
    const [draft, other] = [await write(visitor), await write(visitor, key)]
    await signIn(visitor)
    expect([await greeted(visitor, draft, other), refusals]).toEqual([DRAFT, []])
  })

  it('reach no next user of the browser, and no guest', async () => {
    const visitor = (await start()).visitor()
    const ofGuest = await write(visitor)
    await signIn(visitor)
    const ofAnn = await write(visitor, 'draft', 'of ann')
    await signOut(visitor)
    expect([await greeted(visitor, ofGuest), await greeted(visitor, ofAnn)]).toEqual([{}, {}])
    await signIn(visitor, 'bob')
    expect([await greeted(visitor, ofGuest), await greeted(visitor, ofAnn)]).toEqual([{}, {}])
    await signOut(visitor)
    await signIn(visitor)
    expect([await greeted(visitor, ofGuest), await greeted(visitor, ofAnn)]).toEqual([{}, {}])
    expect(refusals).toEqual(Array(6).fill('handshake other_visitor'))
  })

  it('end with a switch of users or a revocation', async () => {
    const app = await start()
    const visitor = app.visitor()
    const ofGuest = await write(visitor)
    await signIn(visitor)
    const ofAnn = await write(visitor, 'draft', 'of ann')
    await app.live.revoke('ann')
    await signIn(visitor)
    expect([await greeted(visitor, ofGuest), await greeted(visitor, ofAnn)]).toEqual([{}, {}])
    const again = await write(visitor, 'draft', 'again')
    await signIn(visitor, 'bob')
    expect([await greeted(visitor, ofGuest), await greeted(visitor, ofAnn), await greeted(visitor, again)]).toEqual([
      {},
      {},
      {},
    ])
  })
})

describe('threat 74: tab tickets', () => {
  it('by a guest of another browser are refused', async () => {
    const app = await start()
    const attacker = app.visitor()
    const planted = await write(attacker, 'draft', 'planted')
    const victim = app.visitor()
    const own = await write(victim)
    await signIn(victim)
    await signIn(attacker, 'ann')
    expect([await greeted(victim, planted), await greeted(victim, own, planted)]).toEqual([{}, {}])
    const cookie = `${victim.cookie}; live-tab=${planted}`
    const { text } = await send(`${victim.url}/page`, { headers: { cookie, 'sec-fetch-dest': 'document' } })
    expect(JSON.parse(text).values).toMatchObject({ draft: '' })
    expect(refusals).toEqual(['handshake other_visitor', 'handshake other_visitor', 'request other_visitor'])
  })
})
