// The cost of our own JWS compared with a maintained library's, signing and verifying the same ticket.
import { createSecretKey, randomBytes } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { SigningKeys } from '../../dist/server/subjects/signing-keys.js'
import { Tickets } from '../../dist/server/values/ticket.js'
import { median } from '../harness/statistics.mjs'
import { tableOfRows } from '../harness/table.mjs'

const TICKETS = 2000

export const tickets = { title: 'A ticket is signed and verified', run: measure }

async function measure({ rounds }) {
  const secret = randomBytes(32).toString('base64url')
  const ours = new Tickets(new SigningKeys([secret], 'ticket'), 60_000)
  const key = createSecretKey(randomBytes(32))
  const now = Date.now()
  const content = { sub: 'x'.repeat(43), epoch: 0, changes: [['division', now, 3]] }
  const claims = { aud: 'store_session', ...content }
  const header = { alg: 'HS256', typ: 'live-session+jwt', kid: 'abcdefgh' }
  const ticket = ours.sign(content, now)
  const theirs = await new SignJWT(claims).setProtectedHeader(header).setIssuedAt().setExpirationTime('1m').sign(key)
  const checks = { audience: 'store_session', typ: 'live-session+jwt', algorithms: ['HS256'] }

  const work = {
    'sign, ours': () => ours.sign(content, now),
    'sign, jose': () => new SignJWT(claims).setProtectedHeader(header).setIssuedAt().setExpirationTime('1m').sign(key),
    'verify, ours': () => ours.verify(ticket, now, 0),
    'verify, jose': () => jwtVerify(theirs, key, checks),
  }
  const times = Object.fromEntries(Object.keys(work).map((name) => [name, []]))
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, act] of Object.entries(work)) {
      const began = performance.now()
      for (let i = 0; i < TICKETS; i += 1) await act()
      times[name].push(((performance.now() - began) * 1000) / TICKETS)
    }
  }
  const us = (act, whose) => median(times[`${act}, ${whose}`])
  const row = (act) => ({
    'ours, µs': us(act, 'ours'),
    'jose, µs': us(act, 'jose'),
    ratio: us(act, 'jose') / us(act, 'ours'),
  })
  return { tables: [tableOfRows('', { sign: row('sign'), verify: row('verify') })] }
}
