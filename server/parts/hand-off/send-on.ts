import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import type { LiveCookie } from '../../kernel/cookie/cookie.js'
import { subjectHash } from '../../kernel/names/subject.js'
import type { Identifier } from '../../kernel/names/visitor.js'
import type { Identities } from '../../kernel/visitors/identities.js'
import type { HandOffs } from './hand-offs.js'
import { isForm, postedToken } from './posted-token.js'

interface Needs {
  readonly cookie: Pick<LiveCookie, 'read'>
  readonly handOffs: HandOffs
  readonly identities: Identities
}

/**
 * Redirects a page to where the token it POSTed to the endpoint says: the browser makes the same POST there. Not to where the page was
 * told, as that may have come from a stranger.
 *
 * @returns whether it has brought a token
 * @throws {LiveSessionError} `bad_ticket` with status 204, which keeps the browser on its page
 */
export async function sendOn(
  { cookie, handOffs, identities }: Needs,
  ctx: Koa.Context,
  requests: Identifier,
): Promise<boolean> {
  const token = isForm(ctx) ? await postedToken(ctx) : undefined
  if (token === undefined) return false
  const user = await requests.identify(ctx)
  const own = identities.take(cookie.read(ctx.req, user), user).cookie
  const to = own && handOffs.target(token, subjectHash(own.browserSubject))
  if (to === undefined)
    throw new LiveSessionError('bad_ticket', 'a hand-off that is not for this browser, or is too old', { status: 204 })
  ctx.status = 307
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(to)
  return true
}
