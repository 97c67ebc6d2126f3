import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import type { TicketClaims } from '../../shared/protocol.js'
import type { ReceivedTicket } from '../support/app/socket.js'
import { stamp } from '../support/app/stamp.js'
import { change, startWithUsers, values } from '../support/app/users.js'

const SECRET = 'the secret that this server signs with'
const TYPE = 'live-session+jwt'

/** As docs/protocol.md says, and by nothing of ours. */
function deriveKey(secret: string, purpose = 'ticket'): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `koa-live-session/${purpose}`, 32))
}

const key = deriveKey(SECRET)
const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url')
const kidOf = (ticket: string): string =>
  JSON.parse(Buffer.from(ticket.split('.')[0] ?? '', 'base64url').toString()).kid

function sign(head: object, claims: object, secret: Buffer = key, hash = 'sha256'): string {
  const text = `${encode(head)}.${encode(claims)}`
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`
}

/** What the attacker would have the server believe, and all it takes to sign it. */
interface Forgery {
  readonly real: string
  readonly head: object
  readonly claims: TicketClaims
}

function forgery({ text, claims }: ReceivedTicket, now: number): Forgery {
  const changes: TicketClaims['changes'] = [['division', stamp(now + 1000), 66]]
  return { real: text, head: { alg: 'HS256', typ: TYPE, kid: kidOf(text) }, claims: { ...claims, changes } }
}

const parts = (ticket: string): readonly [string, string, string] => {
  const [header = '', payload = '', signature = ''] = ticket.split('.')
  return [header, payload, signature]
}

/** The same 32 bytes in another text: the last of 43 characters has two bits to spare. */
const respell = (signature: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.slice(-1)) + 1]
}

describe('threat 1: a forged ticket', () => {
  it('is not what a stock JWS library makes with the derived key: that is as good as ours', async () => {
    const app = await startWithUsers({ keys: [SECRET] })
    const { visitor, ticket } = await change(app)
    const { head, claims } = forgery(ticket, app.clock.now())
    const made = await new SignJWT({ ...claims }).setProtectedHeader(head as { alg: string }).sign(key)
    expect((await visitor.store({ tickets: [made] })).status).toBe(200)
    expect(await values(visitor)).toMatchObject({ division: 66 })
  })

  it('is told from a real one by a stock JWS library too', async () => {
    const app = await startWithUsers({ keys: [SECRET] })
    const { ticket } = await change(app)
    const options = { audience: 'store_session', typ: TYPE, algorithms: ['HS256'] }
    expect((await jwtVerify(ticket.text, key, options)).payload).toMatchObject({ sub: ticket.claims.sub, epoch: 0 })
    await expect(jwtVerify(ticket.text, deriveKey(SECRET, 'cookie'), options)).rejects.toThrow('signature verification')
  })

  it.each<[string, (forgery: Forgery) => string]>([
    ['another secret', ({ head, claims }) => sign(head, claims, deriveKey('a secret of another app entirely'))],
    ['the secret itself', ({ head, claims }) => sign(head, claims, Buffer.from(SECRET))],
    ['the key of cookies', ({ head, claims }) => sign(head, claims, deriveKey(SECRET, 'cookie'))],
    ['an empty key', ({ head, claims }) => sign(head, claims, Buffer.alloc(0))],
    ['the signature of another ticket', ({ real, claims }) => real.replace(/\..*\./, `.${encode(claims)}.`)],
    ['a truncated signature', ({ head, claims }) => sign(head, claims).slice(0, -1)],
    ['a truncated payload', ({ real }) => real.replace(/.\.(?=[^.]*$)/, '.')],
    ['no signature', ({ head, claims }) => `${encode(head)}.${encode(claims)}.`],
    ['two parts', ({ head, claims }) => `${encode(head)}.${encode(claims)}`],
    ['a fourth part', ({ head, claims }) => `${sign(head, claims)}.`],
    ['a signature in plain base64', ({ head, claims }) => sign(head, claims).replace(/[^.]+$/, '$&=')],
    ['a signature spelled otherwise', ({ head, claims }) => sign(head, claims).replace(/[^.]+$/, respell)],
    ['a padded payload', ({ head, claims }) => sign(head, claims).replace(/\.(?=[^.]*$)/, '=.')],
    ['a space around it', ({ head, claims }) => ` ${sign(head, claims)}`],
    [
      'the JSON form of a JWS',
      ({ head, claims }) => {
        const [header, payload, signature] = parts(sign(head, claims))
        return JSON.stringify({ protected: header, payload, signature })
      },
    ],
    ['alg none, as a library makes it', ({ claims }) => new UnsecuredJWT({ ...claims }).encode()],
    ['alg none, signed', ({ head, claims }) => sign({ ...head, alg: 'none' }, claims)],
    ['alg none, unsigned', ({ head, claims }) => `${encode({ ...head, alg: 'none' })}.${encode(claims)}.`],
    ['no alg', ({ head, claims }) => sign({ ...head, alg: undefined }, claims)],
    ['alg HS512', ({ head, claims }) => sign({ ...head, alg: 'HS512' }, claims, key, 'sha512')],
    ['alg in lower case', ({ head, claims }) => sign({ ...head, alg: 'hs256' }, claims)],
    ['another typ', ({ head, claims }) => sign({ ...head, typ: 'JWT' }, claims)],
    ['no typ', ({ head, claims }) => sign({ ...head, typ: undefined }, claims)],
    ['another aud', ({ head, claims }) => sign(head, { ...claims, aud: 'hand-off' })],
    ['several auds', ({ head, claims }) => sign(head, { ...claims, aud: ['store_session'] })],
    ['no aud', ({ head, claims }) => sign(head, { ...claims, aud: undefined })],
    ['an unknown kid', ({ head, claims }) => sign({ ...head, kid: 'AAAAAAAA' }, claims)],
    ['a kid of the prototype', ({ head, claims }) => sign({ ...head, kid: '__proto__' }, claims)],
    ['no kid', ({ head, claims }) => sign({ ...head, kid: undefined }, claims)],
    ['a key in its header', ({ head, claims }) => sign({ ...head, kid: 'x', jwk: { kty: 'oct', k: 'AA' } }, claims)],
    ['an expiry that has come', ({ head, claims }) => sign(head, { ...claims, exp: claims.iat })],
    ['no expiry', ({ head, claims }) => sign(head, { ...claims, exp: undefined })],
    ['an expiry that is text', ({ head, claims }) => sign(head, { ...claims, exp: String(claims.exp) })],
    ['a stamp that is no integer', ({ head, claims }) => sign(head, { ...claims, changes: [['division', 1e300, 66]] })],
    ['a change of the prototype', ({ head, claims }) => sign(head, { ...claims, changes: [['__proto__', 1, 66]] })],
  ])('is refused with %s, and nothing changes', async (_, forge) => {
    const app = await startWithUsers({ keys: [SECRET] })
    const { visitor, socket, ticket } = await change(app)
    const { cookie } = visitor
    const forged = forge(forgery(ticket, app.clock.now()))
    const answer = await visitor.store({ tickets: [forged] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'bad_ticket', index: 0 } }])
    expect(await socket.sendTickets(forged)).toEqual({ ok: false, code: 'bad_ticket', index: 0 })
    const page = await visitor.fetch('/')
    expect(await page.json()).toMatchObject({ division: 7 })
    expect([answer, page].flatMap(({ headers }) => headers.getSetCookie())).toEqual([])
    expect(visitor.cookie).toBe(cookie)
  })

  it('is as bad as one whose time is over', async () => {
    const app = await startWithUsers({ keys: [SECRET], options: { maxAge: 60_000 } })
    const { visitor, ticket } = await change(app)
    const { cookie } = visitor
    app.clock.advance(60_000)
    const answer = await visitor.store({ tickets: [ticket.text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'bad_ticket', index: 0 } }])
    expect(visitor.cookie).toBe(cookie)
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })
})
