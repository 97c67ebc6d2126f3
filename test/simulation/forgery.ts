import { FORGED } from './ledger.js'
import { cookieIn, readClaims } from './registers.js'

/** A ticket that says what no server has said. */
export function forgeTicket(ticket: string, how: number): string {
  const [header = '', , signature = ''] = ticket.split('.')
  const claims = readClaims(ticket)
  const text = encode({ ...claims, changes: [['division', claims.iat * 1000 + 1, FORGED]] }, 'base64url')
  if (how % 2 === 0) return `${header}.${text}.${signature}`
  return `${encode({ alg: 'none', typ: 'live-session+jwt' }, 'base64url')}.${text}.${signature}`
}

/** A Cookie header whose live cookie says what no server has said; none where there is no live cookie. */
export function forgeCookie(cookies: string, how: number): string | undefined {
  const text = cookieIn(cookies, 'live')
  if (text === undefined) return undefined
  const payload = JSON.parse(Buffer.from(text, 'base64').toString())
  const forged = encode({ ...payload, r: [['division', payload.exp, FORGED]] }, 'base64')
  if (how % 2 === 0) return cookies.replace(text, () => forged)

  return `live=${forged}; live.sig=forged`
}

function encode(part: object, encoding: 'base64' | 'base64url'): string {
  return Buffer.from(JSON.stringify(part)).toString(encoding)
}
