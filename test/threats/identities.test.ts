import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App } from '../support/app.js'
import { AuthStore } from '../support/auth.js'
import { liveOnly } from '../support/departures.js'
import { readClaims } from '../support/socket.js'
import { change, cookieContent, set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const NOTHING = { division: -1, theme: 'light', cart: [], role: 'guest' }
const PLANTED = 'planted-by-an-attacker'

/** A victim's browser with a cookie that an attacker has made, and the attacker's own browser. */
function plant(app: App): { readonly victim: Visitor; readonly attacker: Visitor } {
  const cookie = cookieFor(app.live, { browserId: PLANTED })
  return { victim: app.visitor(cookie), attacker: app.visitor(cookie) }
}

/** The same with the cookie of the attacker's own account. */
async function plantAccount(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
  const attacker = app.visitor()
  await attacker.fetch('/login/now?user=mallory')
  await set(attacker, { division: 66, cart: ['x'] })
  return { victim: app.visitor(liveOnly(attacker.cookie)), attacker }
}

describe('threat 8: login fixation', () => {
  it('ends at sign-in: the browser gets a new id, and its values stay out of reach of the planted one', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = plant(app)
    await victim.fetch('/login/now?user=ann')
    expect(cookieContent(victim).browser).not.toBe(PLANTED)
    await set(victim, { division: 8, theme: 'dark', cart: ['a'] })
    expect(await values(attacker)).toEqual(NOTHING)
    await expect(attacker.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
    const { greeting, ...answer } = await (await attacker.store()).json()
    expect(answer).toEqual({ who: expect.any(String), results: [], held: [] })
    for (const ticket of greeting) expect(readClaims(ticket).changes).toEqual([])
    expect([PLANTED, cookieContent(victim).browser]).not.toContain(cookieContent(attacker).browser)
    expect((await (await attacker.connect()).ticket()).claims.changes).toEqual([])
  })

  it('ends also where the app does not say that a user has signed in, at the next use', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = plant(app)
    await victim.fetch('/login?user=ann')
    await set(victim, { division: 8, theme: 'dark' })
    expect(cookieContent(victim).browser).not.toBe(PLANTED)
    expect(await values(attacker)).toEqual(NOTHING)
  })

  it('ends the sockets that the attacker has under the planted id, before they hear of anything', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = plant(app)
    const socket = await attacker.connect()
    await socket.ticket()
    await victim.fetch('/login/now?user=ann')
    await socket.closed
    await set(victim, { division: 8, theme: 'dark' })
    expect(socket.tickets).toHaveLength(1)
  })

  it('gives an attacker who signs in with the same cookie nothing of the victim\u2019s', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = plant(app)
    await victim.fetch('/login/now?user=ann')
    await set(victim, { division: 8, theme: 'dark' })
    expect(await values(attacker, '/login/now?user=mallory')).toEqual(NOTHING)
    expect(cookieContent(attacker).browser).not.toBe(cookieContent(victim).browser)
  })

  it('brings nothing of an attacker\u2019s account to a user under whose hands its cookie was put', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await plantAccount(app)
    await victim.fetch('/login?user=ann')
    expect(await values(victim)).toEqual(NOTHING)
    await set(victim, { division: 8 })
    expect(await values(attacker)).toMatchObject({ division: 66 })
    expect((await app.live.user('mallory')).get('division')).toBe(66)
  })

  it('brings nothing of an attacker\u2019s account to a visitor who has not signed in', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await plantAccount(app)
    expect(await values(victim)).toEqual(NOTHING)
    await set(victim, { division: 8 })
    expect(await values(attacker)).toMatchObject({ division: 66 })
  })

  it('gives an attacker nothing who puts the cookie of a user beside a session of their own', async () => {
    const app = await startWithUsers()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 8, cart: ['a'] })
    const thief = app.visitor(liveOnly(ann.cookie))
    expect(await values(thief)).toEqual(NOTHING)
    const mallory = app.visitor(liveOnly(ann.cookie))
    expect(await values(mallory, '/login/now?user=mallory')).toEqual(NOTHING)
    expect(await values(ann)).toMatchObject({ division: 8, cart: ['a'] })
  })
})

describe('threat 9: after logout', () => {
  /** Ann in a browser that has everything, with an open socket and a ticket that was never POSTed. */
  async function signedIn(app: App) {
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 3, theme: 'dark', cart: ['a'] })
    const socket = await ann.connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await socket.change('division', 4)
    return { ann, socket, queued: (await socket.ticket()).text }
  }

  const logouts = [['/logout/now'], ['/logout/leave'], ['/logout/forget'], ['/logout']] as const
  /** What is the browser's own is forgotten only where that is asked for. */
  const left = (path: string): object => ({ ...NOTHING, theme: path === '/logout/forget' ? 'light' : 'dark' })

  it.each(logouts)('%s closes the sockets, and they come back as a guest\u2019s', async (path) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { ann, socket } = await signedIn(app)
    await ann.fetch(path)
    await ann.fetch('/')
    await socket.closed
    expect(app.io.sockets.sockets.size).toBe(0)
    const changes = (await (await ann.connect()).ticket()).claims.changes
    expect(changes.map(([key]) => key)).toEqual(path === '/logout/forget' ? [] : ['theme'])
  })

  it.each(logouts)('%s makes a replayed cookie worthless, by request and by socket', async (path) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { ann } = await signedIn(app)
    const { cookie } = ann
    await ann.fetch(path)
    await ann.fetch('/')
    await expect(app.visitor(cookie).connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
    const replayed = app.visitor(cookie)
    expect(await values(replayed)).toEqual(NOTHING)
    const { greeting, ...answer } = await (await replayed.store()).json()
    expect(answer).toEqual({ who: expect.any(String), results: [], held: [] })
    for (const ticket of greeting) expect(readClaims(ticket).changes).toEqual([])
    expect(JSON.stringify(cookieContent(replayed).r ?? [])).not.toContain('"division"')
  })

  it.each(logouts)('%s refuses a socket that reconnects as who it was', async (path) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { ann, socket } = await signedIn(app)
    await ann.fetch(path)
    await ann.fetch('/')
    await socket.closed
    const refused = new Promise((resolve) => socket.io.once('connect_error', resolve))
    socket.io.connect()
    expect(await refused).toMatchObject({ data: { code: 'other_subject' } })
    expect(app.io.sockets.sockets.size).toBe(0)
  })

  it.each(logouts)('%s refuses a queued ticket, and what is beside it', async (path) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { ann, queued } = await signedIn(app)
    await ann.fetch(path)
    const answer = await ann.store({ tickets: [queued], set: [['cart', -1, '', ['b']]] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
    expect(await values(ann)).toEqual(left(path))
    expect((await app.live.user('ann')).get('cart')).toEqual(['a'])
  })

  it('makes the cookie and the queued ticket of a guest worthless too, with leave()', async () => {
    const app = await startWithUsers()
    const { visitor, socket, ticket } = await change(app)
    const { cookie } = visitor
    await visitor.fetch('/logout/leave')
    await socket.closed
    const replayed = app.visitor(cookie)
    expect(await values(replayed)).toEqual(NOTHING)
    await expect(replayed.connect()).rejects.toMatchObject({ data: { code: 'other_subject' } })
    for (const late of [visitor, app.visitor(cookie), app.visitor()]) {
      const answer = await late.store({ tickets: [ticket.text] })
      expect([answer.status, await answer.json()]).toMatchObject([403, { error: { index: 0 } }])
      expect(await values(late)).toEqual(NOTHING)
    }
  })

  it('does not stop the user from coming back to all of it', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const { ann } = await signedIn(app)
    await ann.fetch('/logout/leave')
    expect(await values(ann, '/login/now?user=ann')).toMatchObject({ division: 4, cart: ['a'] })
  })
})
