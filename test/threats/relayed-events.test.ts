import { describe, expect, it } from '@jest/globals'
import type { App } from '../support/app.js'
import { bring, FIELD, open, serveSignIn, signIn, TAKE, tokenFor } from '../support/hand-offs.js'
import { startWithUsers } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const ENDPOINT = '/store_session'
const HAND_OFF = 'live_session:hand_off'
const LIFETIME = 60_000

/** An app that sends on to all others whatever event a client names: what a page hears, a stranger may have said. */
async function start(): Promise<App> {
  const app = await startWithUsers({ routes: signIn })
  serveSignIn(app)
  app.io.on('connection', (socket) => {
    socket.on('say', (event, ...args) => socket.broadcast.emit(event, ...args))
  })
  return app
}

/** What a page does with whatever it is told of a hand-off. */
const obey = async (visitor: Visitor, token: string, headers = {}): Promise<readonly unknown[]> => {
  const answer = await bring(visitor, token, headers, ENDPOINT)
  return [answer.status, answer.headers.get('location'), answer.headers.getSetCookie()]
}

/** The browser stays on its page. */
const NOWHERE = [204, null, []]
const ONWARD = [307, '/sign-in', []]

describe('threat 62: a hand-off that a stranger relays to the page of another', () => {
  it('leads nowhere with a good token of the stranger’s own, nor with a path, and the page stays', async () => {
    const app = await start()
    const [eve, ann] = [await open(app), await open(app)]
    const heard = new Promise((resolve) => ann.socket.io.once(HAND_OFF, (...args) => resolve(args)))
    const good = await tokenFor(eve.socket, 'eve')
    eve.socket.io.emit('say', HAND_OFF, good)
    expect(await heard).toEqual([good])
    for (const token of [good, '/account/delete', '//evil.example', '']) {
      expect(await obey(ann.visitor, token)).toEqual(NOWHERE)
    }
    expect(await obey(app.visitor(), good)).toEqual(NOWHERE)
    expect(await obey(eve.visitor, good)).toEqual(ONWARD)
    expect(app.errors).toEqual([])
  })

  it('leads nowhere once it is too late, or its browser has another id', async () => {
    const app = await start()
    const [ann, bob] = [await open(app), await open(app)]
    const [late, former] = [await tokenFor(ann.socket), await tokenFor(bob.socket)]
    await bob.visitor.fetch('/login/now?user=bob')
    expect(await obey(bob.visitor, former)).toEqual(NOWHERE)
    app.clock.advance(LIFETIME)
    expect(await obey(ann.visitor, late)).toEqual(NOWHERE)
  })

  it('is refused where a page of another site brings it', async () => {
    const app = await start()
    const { visitor, socket } = await open(app)
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    expect(await obey(visitor, await tokenFor(socket), headers)).toEqual([403, null, []])
  })
})

describe('a hand-off that its own page brings to the endpoint', () => {
  it('goes on to where its token says by the same POST, and is not spent by that', async () => {
    const app = await start()
    const { visitor, socket } = await open(app)
    const token = await tokenFor(socket)
    for (let time = 0; time < 2; time += 1) expect(await obey(visitor, token)).toEqual(ONWARD)
    expect(await (await bring(visitor, token, {}, TAKE)).json()).toEqual({ user: 'ann' })
  })

  it('is followed by a client that keeps method and body, as browsers do', async () => {
    const app = await start()
    const { visitor, socket } = await open(app)
    const body = new URLSearchParams({ [FIELD]: await tokenFor(socket), tag: 'kept' })
    const headers = { origin: visitor.url, 'sec-fetch-site': 'same-origin', cookie: visitor.cookie }
    const answer = await fetch(`${visitor.url}${ENDPOINT}`, { method: 'POST', headers, body, redirect: 'follow' })
    expect([answer.redirected, new URL(answer.url).pathname]).toEqual([true, '/'])
  })

  it('is no other form: that is refused as before', async () => {
    const app = await start()
    const { visitor } = await open(app)
    const headers = { origin: visitor.url }
    const answer = await visitor.fetch(ENDPOINT, { method: 'POST', headers, body: new URLSearchParams({ a: 'b' }) })
    expect(answer.status).toBe(415)
  })
})
