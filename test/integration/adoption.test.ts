import { describe, expect, it } from '@jest/globals'
import { cookieFor, testClock } from 'koa-live-session/testing'
import { subjectHash } from '../../server/identity/subject.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'
import { AuthStore, pages } from '../support/auth.js'
import type { ReceivedTicket, TestSocket } from '../support/socket.js'
import { cookieContent, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const MINUTE = 60 * 1000

interface Offer {
  readonly socket: TestSocket
  readonly ticket: ReceivedTicket
  readonly id: string
}

/** The ticket by which a socket without a live cookie offers its browser an id. */
async function offer(visitor: Visitor): Promise<Offer> {
  const socket = await visitor.connect()
  let ticket = await socket.ticket()
  while (ticket.claims.new === undefined) ticket = await socket.ticket()
  return { socket, ticket, id: ticket.claims.new }
}

/** Resolves when the server knows that a socket has gone. */
async function hangUp(app: App, { io }: TestSocket): Promise<void> {
  const gone = new Promise((resolve) => {
    app.io.sockets.sockets.get(io.id ?? '')?.conn.once('close', resolve)
  })
  io.disconnect()
  await gone
}

describe('the id under which a socket came without a live cookie', () => {
  it('is taken over by a browser without one, also where the socket has gone', async () => {
    const app = await startWithUsers()
    for (const isGone of [false, true]) {
      const visitor = app.visitor()
      const { socket, ticket, id } = await offer(visitor)
      if (isGone) await hangUp(app, socket)
      await visitor.store({ tickets: [ticket.text] })
      expect({ isGone, browser: cookieContent(visitor).browser }).toEqual({ isGone, browser: id })
    }
  })

  it('is taken over for ten minutes, with what the socket has set', async () => {
    const clock = testClock(Math.floor(Date.now() / 1000) * 1000)
    const app = await App.start({ clock })
    const visitor = app.visitor()
    const { socket } = await offer(visitor)
    await socket.set(['division', -1, 7])
    const ticket = await socket.ticket()
    clock.advance(10 * MINUTE - 1)
    expect((await visitor.store({ tickets: [ticket.text] })).status).toBe(200)
    const { claims } = await (await visitor.connect()).ticket()
    expect(claims).toMatchObject({ sub: ticket.claims.sub, changes: ticket.claims.changes })
    clock.advance(1)
    const late = await app.visitor().store({ tickets: [ticket.text] })
    expect([late.status, await late.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
  })

  it('is taken over by the user whose socket it is, which stays open', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await visitor.fetch('/login?user=ann')
    const { socket, ticket, id } = await offer(visitor)
    await visitor.store({ tickets: [ticket.text] })
    expect(cookieContent(visitor).browser).toBe(id)
    expect(await socket.set(['theme', -1, 'dark'])).toMatchObject({ ok: true })
    expect(await values(visitor)).toMatchObject({ theme: 'dark' })
  })

  it('is not taken over by a user where it is not known whose the socket was: its values come along', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    await visitor.fetch('/login?user=ann')
    const { socket, id } = await offer(visitor)
    await socket.set(['theme', -1, 'dark'])
    const { text } = await socket.ticket()
    await hangUp(app, socket)
    expect(await (await visitor.store({ tickets: [text] })).json()).toMatchObject({ stored: 1, stale: 0 })
    expect(cookieContent(visitor).browser).not.toBe(id)
    expect(await values(visitor)).toMatchObject({ theme: 'dark' })
  })

  it('is not taken over by a guest where the socket is a user\u2019s, who comes back under another', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    await visitor.fetch('/login?user=ann')
    const { socket, ticket, id } = await offer(visitor)
    await visitor.fetch('/logout')
    await visitor.store({ tickets: [ticket.text] })
    expect(cookieContent(visitor).browser).not.toBe(id)
    expect(await socket.closed).toBe('transport close')
  })

  it('is no reason to take a ticket of another subject, whatever it offers', async () => {
    const app = await App.start()
    const { tickets } = coreOf(app.live)
    const [id, now] = ['an-id-that-is-not-of-the-subject', app.clock.now()]
    const content = { sub: subjectHash('user:s:ann'), epoch: 0, changes: [['division', now, 7]] as const, new: id }
    const answer = await app.visitor().store({ tickets: [tickets.sign(content, now)] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
  })
})

describe('the id of a cookie that was not seen coming back, of which another tab has got another', () => {
  const clock = testClock(Math.floor(Date.now() / 1000) * 1000)

  /** A page that was opened at once with another, and has set a value under the id that its browser has lost. */
  async function lose(app: App) {
    const visitor = app.visitor()
    const { subject } = await (await visitor.fetch('/page')).json()
    const { cookie } = visitor
    const socket = await visitor.connect()
    visitor.forget()
    await visitor.fetch('/page')
    await socket.ticket()
    await socket.set(['division', -1, 7], ['theme', -1, 'dark'])
    const { text, claims } = await socket.ticket()
    return { visitor, socket, subject, cookie, text, claims }
  }

  it('is offered until a request was seen with it', async () => {
    const app = await startWithUsers({ routes: pages })
    const visitor = app.visitor()
    await visitor.fetch('/page')
    const { browser } = cookieContent(visitor)
    const socket = await visitor.connect()
    expect((await socket.ticket()).claims).toMatchObject({ first: browser })
    await hangUp(app, socket)
    await visitor.store()
    expect((await (await visitor.connect()).ticket()).claims).not.toHaveProperty('first')
    expect(cookieContent(visitor)).toMatchObject({ browser })
  })

  it('is not said of one that came of a sign-in', async () => {
    const app = await startWithUsers({
      routes: async (ctx) => {
        await ctx.liveSession.set('division', 7)
        ctx['session'].user = 'ann'
        await ctx.liveSession.identify()
        ctx.body = ''
      },
    })
    const visitor = app.visitor()
    await visitor.fetch('/')
    expect(cookieContent(visitor)).toMatchObject({ former: expect.any(String) })
    expect(cookieContent(visitor)).not.toHaveProperty('first')
  })

  it('gives what was set to the one that was kept for ten minutes, and its socket comes back', async () => {
    const app = await startWithUsers({ routes: pages, clock })
    const { visitor, socket, subject, text } = await lose(app)
    const { browser } = cookieContent(visitor)
    clock.advance(10 * MINUTE - 1)
    const answer = await (await visitor.store({ subject, tickets: [text] })).json()
    expect(answer).toMatchObject({ stored: 2, subject: subjectHash(`browser:${browser}`) })
    expect(await values(visitor)).toMatchObject({ division: 7, theme: 'dark' })
    expect(cookieContent(visitor).browser).toBe(browser)
    expect(await socket.closed).toBe('transport close')
    const late = await lose(app)
    clock.advance(10 * MINUTE)
    const refused = await late.visitor.store({ tickets: [late.text] })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
  })

  it('gives nothing to who has signed in since', async () => {
    const app = await startWithUsers({ routes: pages })
    const { visitor, subject, text } = await lose(app)
    await visitor.fetch('/login/now?user=ann')
    const refused = await visitor.store({ subject, tickets: [text], set: [['division', -1, 8]] })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'other_subject' } }])
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
  })

  it('is not taken over by a browser without one, as another may have kept it', async () => {
    const app = await startWithUsers({ routes: pages })
    const { text } = await lose(app)
    const refused = await app.visitor().store({ tickets: [text] })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
  })

  it.each(['/logout/leave', '/set?values={"role":"admin"}'])('gives nothing once %s has answered', async (path) => {
    const app = await startWithUsers({ routes: pages })
    const { visitor, text } = await lose(app)
    await visitor.fetch(path)
    const refused = await visitor.store({ tickets: [text] })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
  })

  it('gives what was the browser\u2019s own to the same user', async () => {
    const app = await startWithUsers({ routes: pages })
    const visitor = app.visitor()
    await visitor.fetch('/login/unused?user=ann')
    const open = async () => {
      visitor.forget()
      await visitor.fetch('/page')
      const socket = await visitor.connect()
      await socket.ticket()
      await socket.ticket()
      return socket
    }
    const lost = await open()
    await open()
    await lost.set(['theme', -1, 'dark'])
    const { text, claims } = await lost.ticket()
    expect(claims).toMatchObject({ owner: subjectHash('user:s:ann') })
    expect(await (await visitor.store({ tickets: [text] })).json()).toMatchObject({ stored: 1 })
    expect(await values(visitor)).toMatchObject({ theme: 'dark' })
  })

  it('gives nothing once it was given up', async () => {
    const app = await startWithUsers({ routes: pages })
    const { visitor, cookie, subject, text } = await lose(app)
    await app.visitor(cookie).fetch('/logout/leave')
    const refused = await visitor.store({ subject, tickets: [text] })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'other_subject' } }])
  })

  it('is no reason to take what was set in a page that names another subject', async () => {
    const app = await startWithUsers({ routes: pages })
    const { visitor, text } = await lose(app)
    const subject = subjectHash('user:s:ann')
    const refused = await visitor.store({ subject, tickets: [text], set: [['division', -1, 8]] })
    expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: 'other_subject' } }])
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
  })
})

describe('the ticket that answers a change', () => {
  it('says what id to go on with where the browser brought no cookie, and in no other case', async () => {
    const app = await startWithUsers()
    const set = [['division', -1, 4]]
    const offered = async (visitor: Visitor): Promise<unknown> => {
      const { ticket } = await (await visitor.store({ set })).json()
      return JSON.parse(Buffer.from(ticket.split('.')[1], 'base64url').toString()).new
    }
    const [stranger, known, ann] = [app.visitor(), app.visitor(cookieFor(app.live, {})), app.visitor()]
    await ann.fetch('/login?user=ann')
    expect(await offered(stranger)).toBe(cookieContent(stranger).browser)
    expect([await offered(known), await offered(ann)]).toEqual([undefined, undefined])
  })
})
