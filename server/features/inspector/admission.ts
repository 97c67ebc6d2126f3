// Decides which requests may use the inspector.

import type Koa from 'koa'
import { type Awaitable, after } from '../../../shared/promise.js'
import { isOwnPolling, isOwnPost, originHeaders } from '../../http/origin.js'
import type { FeatureParts } from '../../parts.js'
import { check, checkNames } from '../../settings/option-checks.js'
import { SigningKeys } from '../../subjects/signing-keys.js'
import type { InspectorOptions } from './types.js'

/** The text whose signature is the token. */
const OPENED = 'inspector'

/** The admission check, and the token for opening the page. */
export interface Admission {
  /** The token; undefined with `authorize`. */
  readonly token: string | undefined
  /** Returns the reason for refusing a request; undefined if admitted. */
  readonly refusalReason: (ctx: Koa.Context) => Awaitable<string | undefined>
}

/**
 * Creates the admission check.
 *
 * @throws {TypeError} in production without `authorize`, and for unknown options
 */
export function createAdmission({ settings }: FeatureParts, options: InspectorOptions): Admission {
  checkNames(options, ['authorize'], 'inspector: ')
  const { authorize } = options
  const isFunction = authorize === undefined || typeof authorize === 'function'
  check(isFunction, 'inspector: authorize', 'expected a function (ctx) => boolean', typeof authorize)
  check(
    authorize !== undefined || process.env['NODE_ENV'] !== 'production',
    'inspector',
    'it shows the values of all visitors, and NODE_ENV is production. Leave it out of production, ' +
      'or pass authorize: live.inspector({ authorize: (ctx) => ctx.session?.role === "admin" })',
  )
  if (authorize) return { token: undefined, refusalReason: (ctx) => foreign(ctx) ?? authorized(ctx, authorize) }
  const key = new TokenKey(settings.secrets)
  settings.warn(`inspector: open its address with ?token=${key.token}`)
  return { token: key.token, refusalReason: (ctx) => foreign(ctx) ?? key.refusalReason(ctx) }
}

/** Returns a reason to refuse pages of other origins, even if the app lets other origins read its responses. */
function foreign(ctx: Koa.Context): string | undefined {
  const isReading = ctx.method === 'GET' || ctx.method === 'HEAD'
  const isOwn = isReading ? isOwnPolling : isOwnPost
  // Refuses even pages of `origins`, which the app trusts only with the values of their own visitor.
  if (isOwn(originHeaders(ctx), [])) return undefined
  return "a page of another origin has requested the inspector. Type the inspector's address into the browser"
}

function authorized(
  ctx: Koa.Context,
  authorize: NonNullable<InspectorOptions['authorize']>,
): Awaitable<string | undefined> {
  return after(authorize(ctx), (is) => (is === true ? undefined : 'authorize has not returned true'))
}

/**
 * Admits requests by a token, which only the log or the secrets reveal. An IP address proves nothing: through a tunnel, a proxy without
 * forwarding headers, or DNS rebinding, an attacker's request looks local.
 */
class TokenKey {
  readonly #keys: SigningKeys
  readonly #cookie: string
  /** The token, the same after each start and in each process, so that open pages keep working. */
  readonly token: string

  constructor(secrets: readonly string[]) {
    this.#keys = new SigningKeys(secrets, 'inspector')
    // Browsers send the cookies of localhost to all of its ports, where another app may also have an inspector.
    this.#cookie = `live_inspector_${this.#keys.id}`
    this.token = this.#keys.sign(OPENED)
  }

  /** Returns the reason for refusing a request; undefined if admitted. If the browser sends the token, gives the browser a cookie. */
  refusalReason(ctx: Koa.Context): string | undefined {
    const { token } = ctx.query
    // Signs the port, too, because browsers send the cookie to all ports of the host.
    const here = `${OPENED} at ${originHeaders(ctx).own}`
    if (typeof token === 'string' && this.#isRight(OPENED, token)) {
      ctx.cookies.set(this.#cookie, this.#keys.sign(here), {
        httpOnly: true,
        sameSite: 'strict',
        signed: false,
        overwrite: true,
      })
      return undefined
    }
    if (this.#isRight(here, ctx.cookies.get(this.#cookie, { signed: false }) ?? '')) return undefined
    return 'the request lacks the token. Open the inspector with the ?token= that the log has shown at the start, or let others in by inspector({ authorize })'
  }

  #isRight(text: string, signature: string): boolean {
    return this.#keys.index(text, signature) === 0
  }
}
