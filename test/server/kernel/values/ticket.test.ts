import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { SigningKeys } from '../../../../server/kernel/names/keys.js'
import { Tickets } from '../../../../server/kernel/values/ticket.js'
import { stamp } from '../../../support/app/stamp.js'

const NOW = 1_767_225_600_000
const MAX_AGE = 60_000
const secret = 'a secret of at least thirty-two bytes'
const keys = new SigningKeys([secret], 'ticket')
const tickets = new Tickets(keys, MAX_AGE)
const sub = 'x'.repeat(43)
const good = tickets.sign({ sub, epoch: 0, changes: [['division', stamp(NOW), 3]] }, NOW)
const [header = '', payload = '', signature = ''] = good.split('.')

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const derived = Buffer.from(hkdfSync('sha256', secret, '', 'koa-live-session/ticket', 32))
/** Signs any content with our own key. */
const signed = (head: unknown, claims: unknown): string => {
  const text = `${typeof head === 'string' ? head : base64url(head)}.${base64url(claims)}`
  return `${text}.${createHmac('sha256', derived).update(text).digest('base64url')}`
}
const head = { alg: 'HS256', typ: 'live-session+jwt', kid: keys.id }
const claims = { aud: 'store_session', sub, epoch: 0, iat: NOW / 1000, exp: NOW / 1000 + 60, changes: [] as unknown[] }

describe('a ticket', () => {
  it('returns its claims until it expires', () => {
    const registers = [{ key: 'division', stamp: NOW, value: 3 }]
    expect(tickets.verify(good, NOW + MAX_AGE - 1, 0)).toEqual({ sub, epoch: 0, generation: 0, registers })
    expect(() => tickets.verify(good, NOW + MAX_AGE, 3)).toThrow(
      expect.objectContaining({ code: 'bad_ticket', index: 3 }),
    )
  })

  it('is verified with any key, but signed with the first', () => {
    const rotated = new Tickets(new SigningKeys(['b'.repeat(32), secret], 'ticket'), MAX_AGE)
    expect(rotated.verify(good, NOW, 0)).toMatchObject({ sub })
    expect(() => tickets.verify(rotated.sign({ sub, epoch: 0, changes: [] }, NOW), NOW, 0)).toThrow('not one of ours')
    const removed = new Tickets(new SigningKeys(['b'.repeat(32)], 'ticket'), MAX_AGE)
    expect(() => removed.verify(good, NOW, 0)).toThrow('not one of ours')
  })

  it('may come from any signer with the key', () => {
    const other = signed({ kid: keys.id, typ: 'live-session+jwt', alg: 'HS256' }, { ...claims, changes: [['a', 1]] })
    expect(tickets.verify(other, NOW, 0).registers).toEqual([{ key: 'a', stamp: 1, value: undefined }])
  })

  it.each([
    ['nothing', ''],
    ['no parts', 'x'],
    ['four parts', `${good}.x`],
    ['no signature', `${header}.${payload}.`],
    ['a truncated signature', good.slice(0, -1)],
    ['a signature of another', `${header}.${payload}.${'A'.repeat(43)}`],
    ['a signature encoded otherwise', `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64')}`],
    ['another payload', `${header}.${base64url({ ...claims, sub: 'y' })}.${signature}`],
    ['a padded payload', `${header}.${payload}=.${signature}`],
    ['over 64 kB', `${good}${'A'.repeat(64 * 1024)}`],
    ['alg none', signed({ ...head, alg: 'none' }, claims)],
    ['alg none, unsigned', `${base64url({ alg: 'none', typ: 'live-session+jwt' })}.${payload}.`],
    ['another alg', signed({ ...head, alg: 'HS512' }, claims)],
    ['another typ', signed({ ...head, typ: 'JWT' }, claims)],
    ['an unknown kid', signed({ ...head, kid: 'unknown' }, claims)],
    ['no kid', signed({ alg: 'HS256', typ: 'live-session+jwt' }, claims)],
    ['a critical extension', signed({ ...head, crit: ['exp'] }, claims)],
    ['a header that is no JSON', signed('x', claims)],
    ['a header that is a list', signed([], claims)],
    ['another audience', signed(head, { ...claims, aud: 'hand-off' })],
    ['no expiry', signed(head, { ...claims, exp: undefined })],
    ['an expiry that is text', signed(head, { ...claims, exp: '9'.repeat(12) })],
    ['no subject', signed(head, { ...claims, sub: 1 })],
    ['an epoch that is no integer', signed(head, { ...claims, epoch: 1.5 })],
    ['no changes', signed(head, { ...claims, changes: undefined })],
    ['a change without a stamp', signed(head, { ...claims, changes: [['a']] })],
    ['a stamp that is no integer', signed(head, { ...claims, changes: [['a', 1.5, 1]] })],
    ['a key of the prototype', signed(head, { ...claims, changes: [['__proto__', 1, 1]] })],
    ['a value too deep', signed(head, { ...claims, changes: [['a', 1, JSON.parse('['.repeat(40) + ']'.repeat(40))]] })],
    ['no date', signed(head, { ...claims, iat: undefined })],
    ['claims that are a list', signed(head, [])],
    ['claims that are null', signed(head, null)],
  ])('is rejected with %s', (_, text) => {
    expect(() => tickets.verify(text, NOW, 0)).toThrow(expect.objectContaining({ code: 'bad_ticket', status: 403 }))
  })

  it('has another signature than a cookie', () => {
    const cookies = new SigningKeys([secret], 'cookie')
    expect(cookies.sign('text')).not.toBe(keys.sign('text'))
    expect(cookies.index('text', keys.sign('text'))).toBe(-1)
  })
})
