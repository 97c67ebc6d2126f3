import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { SigningKeys } from '../../../server/subjects/signing-keys.js'
import { Tickets } from '../../../server/values/ticket.js'
import { stamp } from '../../support/app/stamp.js'

const NOW = 1_767_225_600_000
const MAX_AGE = 60_000
const secret = 'a secret of at least thirty-two bytes'
const keys = new SigningKeys([secret], 'ticket')
const tickets = new Tickets(keys, MAX_AGE)
const sub = 'x'.repeat(43)
const good = tickets.sign({ sub, epoch: 0, changes: [['division', stamp(NOW), 3]] }, NOW)

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const derived = Buffer.from(hkdfSync('sha256', secret, '', 'koa-live-session/ticket', 32))
const signed = (head: unknown, claims: unknown): string => {
  const text = `${typeof head === 'string' ? head : base64url(head)}.${base64url(claims)}`
  return `${text}.${createHmac('sha256', derived).update(text).digest('base64url')}`
}
const head = { alg: 'HS256', typ: 'live-session+jwt', kid: keys.id }
const claims = { aud: 'store_session', sub, epoch: 0, iat: NOW / 1000, exp: NOW / 1000 + 60, changes: [] as unknown[] }

describe('a ticket', () => {
  // `threats/tickets` has the forgeries possible for an attacker.
  it.each([
    ['over 64 kB', `${good}${'A'.repeat(64 * 1024)}`],
    ['a critical extension', signed({ ...head, crit: ['exp'] }, claims)],
    ['a header that is no JSON', signed('x', claims)],
    ['a header that is a list', signed([], claims)],
    ['no subject', signed(head, { ...claims, sub: 1 })],
    ['an epoch that is no integer', signed(head, { ...claims, epoch: 1.5 })],
    ['no changes', signed(head, { ...claims, changes: undefined })],
    ['a change without a stamp', signed(head, { ...claims, changes: [['a']] })],
    ['a value too deep', signed(head, { ...claims, changes: [['a', 1, JSON.parse('['.repeat(40) + ']'.repeat(40))]] })],
    ['no date', signed(head, { ...claims, iat: undefined })],
    ['claims that are a list', signed(head, [])],
    ['claims that are null', signed(head, null)],
  ])('is rejected with %s', (_, text) => {
    expect(() => tickets.verify(text, NOW, 0)).toThrow(expect.objectContaining({ code: 'bad_ticket', status: 403 }))
  })
})
