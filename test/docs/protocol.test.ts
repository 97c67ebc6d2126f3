import { hkdfSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { jwtDecrypt, jwtVerify } from 'jose'
import { testClock } from 'koa-live-session/testing'
import { EncryptionKeys } from '../../server/features/hand-off/encryption-keys.js'
import { sessionName } from '../../server/features/session-store/session-content.js'
import { whoOf } from '../../server/identity/who.js'
import { SigningKeys } from '../../server/subjects/signing-keys.js'
import { type Subject, subjectHash, type UserSubject } from '../../server/subjects/subject.js'
import { Visitor } from '../../server/subjects/visitor.js'
import { Tickets } from '../../server/values/ticket.js'
import { canonicalJson, type JsonValue } from '../../shared/json.js'
import { supersedes } from '../../shared/merge-rule.js'
import { fromParameter, toParameter } from '../../shared/url-parameter.js'
import { App } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { COOKIE_OPTIONS } from '../support/app/cookie-options.js'
import { liveCookie } from '../support/app/live-cookie.js'
import { send } from '../support/app/raw-http.js'
import { stamp } from '../support/app/stamp.js'

type Row = readonly [stamp: number, value?: JsonValue]

/** The protocol, and its extensions beside the code. */
const PAGES = [
  'docs/maintainers/protocol.md',
  ...['http', 'features/address', 'features/hand-off', 'features/session-store'].map(
    (folder) => `server/${folder}/protocol.md`,
  ),
]
const text = PAGES.map((page) => readFileSync(page, 'utf8')).join('')

// biome-ignore lint/suspicious/noExplicitAny: the document defines the shape
function vectors(name: string): any {
  const block = text.match(new RegExp(`\`\`\`json vectors:${name}\n(.*?)\`\`\``, 's'))?.[1]
  if (!block) throw new Error(`${PAGES.join(', ')}: no vectors:${name}`)
  return JSON.parse(block)
}

/** The headers of an HTTP message, with lower-case names. */
function headersIn(message: string): Record<string, string> {
  const lines = message.trim().split('\n').slice(1)
  return Object.fromEntries(lines.map((line) => [line.split(': ')[0]?.toLowerCase(), line.replace(/^.*?: /, '')]))
}

describe('docs/maintainers/protocol.md', () => {
  it.each(vectors('canonical') as [JsonValue, string][])('defines canonical JSON of %j', (value, expected) => {
    expect(canonicalJson(value)).toBe(expected)
  })

  it.each(vectors('merge') as [Row, Row, boolean][])('defines whether %j supersedes %j', (next, current, expected) => {
    const register = ([at, value]: Row) => ({ stamp: stamp(at), value })
    expect(supersedes(register(next), register(current))).toBe(expected)
  })

  it.each(vectors('subjects') as [Subject, string][])('defines the hash of %s', (subject, expected) => {
    expect(subjectHash(subject)).toBe(expected)
  })

  it.each(vectors('who') as [string | null, UserSubject | null, number, string][])(
    'defines `who` of %s and %s in epoch %d',
    (browser, user, epoch, expected) => {
      const visitor = new Visitor(browserId(browser?.replace('browser:', '') ?? 'any'), user ?? undefined)
      expect(whoOf(visitor, browser !== null, epoch)).toBe(expected)
    },
  )

  it.each(vectors('sessions') as [string, string][])('defines the name of session %s', (id, expected) => {
    expect(sessionName(id)).toBe(expected)
  })

  it.each(vectors('address') as [JsonValue, JsonValue, string | null][])(
    'defines the parameter for %j, with default %j',
    (value, fallback, expected) => {
      expect(toParameter(value, fallback) ?? null).toBe(expected)
      if (expected !== null) expect(fromParameter(expected, fallback)).toEqual(value)
    },
  )

  it('defines the signing keys', () => {
    const { secret, ...purposes } = vectors('keys')
    for (const purpose of ['ticket', 'cookie', 'room', 'hand-off'] as const) {
      const key = hkdfSync('sha256', secret, '', `koa-live-session/${purpose}`, 32)
      expect([Buffer.from(key).toString('base64url'), new SigningKeys([secret], purpose).id]).toEqual(purposes[purpose])
    }
  })

  it('defines a ticket that a JWT library verifies', async () => {
    const { secret, now, maxAge, content, ticket } = vectors('ticket')
    const tickets = new Tickets(new SigningKeys([secret], 'ticket'), maxAge)
    expect(tickets.sign(content, now)).toBe(ticket)
    const read = tickets.verify(ticket, now, 0)
    expect(read).toMatchObject({ sub: content.sub, epoch: 0 })
    expect(read.registers[0]?.ids).toEqual(content.ids.division)
    const key = Buffer.from(vectors('keys').ticket[0], 'base64url')
    const claimed = { audience: 'store_session', typ: 'live-session+jwt', algorithms: ['HS256'] }
    expect((await jwtVerify(ticket, key, { ...claimed, currentDate: new Date(now) })).payload).toMatchObject(content)
  })

  it('defines a hand-off token that a JWT library decrypts', async () => {
    const { secret, claims, token } = vectors('hand-off')
    const typ = 'live-session-hand-off+jwt'
    const keys = new EncryptionKeys([secret], 'hand-off', typ)
    const key = Buffer.from(vectors('keys')['hand-off'][0], 'base64url')
    const options = { audience: 'live', typ, currentDate: new Date(claims.iat * 1000) }
    for (const one of [token, keys.encrypt(claims)]) {
      expect(keys.decrypt(one)).toEqual(claims)
      expect((await jwtDecrypt(one, key, options)).payload).toEqual(claims)
    }
  })

  it('defines the preflight of a listed origin', async () => {
    const [question = '', answer = ''] = (/^```http preflight\n(.*?)^```$/ms.exec(text)?.[1] ?? '').split('\n\n')
    const app = await App.start({ options: { origins: ['https://app.example.com'] } })
    const [method = '', path = ''] = question.split(' ')
    const { status, headers } = await send(app.url + path, { method, headers: headersIn(question) })
    const { date: _, connection: __, 'keep-alive': ___, ...rest } = headers
    expect([status, rest]).toEqual([Number(answer.split(' ')[1]), headersIn(answer)])
  })

  it('defines a cookie', () => {
    const { secret, now, header, browser, user, registers } = vectors('cookie')
    const cookie = liveCookie(new SigningKeys([secret], 'cookie'), COOKIE_OPTIONS, testClock(now).now)
    const wire = registers.map(([key, stamp, value]: [string, number, never]) => ({ key, stamp, value }))
    expect(cookie.read({ headers: { cookie: header } })).toMatchObject({ browser, user, epoch: 0, registers: wire })
    const content = { browser, user, epoch: 0, registers: wire }
    expect(cookie.header(content)).toBe(header)
  })
})
