// Encrypts, decrypts and redeems the tokens of hand-offs, and checks their purposes.

import { randomBytes } from 'node:crypto'
import { LiveSessionError } from '../../../shared/errors.js'
import { isKey } from '../../../shared/fields.js'
import { type JsonValue, printable } from '../../../shared/json.js'
import { isAhead } from '../../../shared/stamp.js'
import { RotatingCache } from '../../memory/rotating-cache.js'
import type { FeatureParts, HandOffOrigin } from '../../parts.js'
import { isUser, type Sub, type UserSubject } from '../../subjects/subject.js'
import { frozenInput } from '../frozen-input.js'
import { EncryptionKeys } from './encryption-keys.js'

const TYPE = 'live-session-hand-off+jwt'
/** Lifetime of a token in seconds. */
const LIFETIME = 60
/** Maximum unredeemed tokens of a browser that this process remembers: each further token replaces the browser's own oldest. */
const MAX_OPEN = 20
/** Maximum bytes of a payload: the form with the encrypted payload must stay below the limits of body parsers. */
const MAX_PAYLOAD = 16 * 1024
/** Maximum characters of a token. Longer tokens are refused unread, because even the largest payload makes a shorter token. */
const MAX_TOKEN = 32 * 1024

/** The browser that may use a token, by the hash of its subject, and the token's purpose. */
interface Recipient {
  readonly browser: Sub
  readonly purpose: string
}

/** The user whom a payload signs in, with the user's epoch then. */
interface SignsIn {
  readonly user: UserSubject
  readonly epoch: number
}

/** The contents of a token. Decryption does not redeem the token. */
export interface HandOff extends HandOffOrigin {
  readonly browser: Sub
  readonly id: string
  readonly payload: unknown
}

type Parts = Pick<FeatureParts, 'settings' | 'store'>

/** Creates encrypted tokens for hand-offs from sockets to requests, and redeems each token only once. */
export class HandOffTokens {
  readonly #parts: Parts
  readonly #keys: EncryptionKeys
  /** Without a store, by browser, the ids of the tokens that this process has created and not redeemed. All other tokens are refused. */
  readonly #open: RotatingCache<Set<string>>

  constructor(parts: Parts) {
    const { secrets, maxVisitors, clock } = parts.settings
    this.#parts = parts
    this.#keys = new EncryptionKeys(secrets, 'hand-off', TYPE)
    this.#open = RotatingCache.onMap({ max: maxVisitors, maxIdle: LIFETIME * 1000, clock })
  }

  /**
   * @param to the redirect target: a path of this origin
   * @param payload from `frozenPayload`
   */
  encrypt({ browser, purpose }: Recipient, to: string, payload: JsonValue, signsIn: SignsIn | undefined): string {
    const { settings, store } = this.#parts
    // Keeps fractions of a second, because a revocation may follow within the same second.
    const iat = settings.clock() / 1000
    const jti = randomBytes(16).toString('base64url')
    const claims = { aud: settings.cookie.name, browser, purpose, to, ...signsIn, jti, iat, exp: iat + LIFETIME }
    const token = this.#keys.encrypt({ ...claims, payload })
    if (store) return token
    const open = this.#open.ensure(browser, () => new Set())
    for (const oldest of open) if (open.size >= MAX_OPEN) open.delete(oldest)
    open.add(jti)
    return token
  }

  /** Returns the contents of a token; undefined if the token is invalid or expired, or is for another purpose or browser. */
  decrypt(token: string, { browser, purpose }: Recipient): HandOff | undefined {
    const claims = this.#claims(token, browser)
    if (claims?.['purpose'] !== purpose) return undefined
    const { jti, iat, payload, user, epoch } = claims
    const isNamed = typeof user === 'string' && isUser(user) && typeof epoch === 'number'
    const epochs = new Map(isNamed ? [[user, epoch]] : [])
    const at = Math.round(Number(iat) * 1000)
    return typeof jti === 'string' ? { id: jti, browser, at, epochs, payload } : undefined
  }

  /** Returns the redirect target of a token of any purpose; undefined if the token is invalid or expired, or is for another browser. */
  target(token: string, browser: Sub): string | undefined {
    const to = this.#claims(token, browser)?.['to']
    return typeof to === 'string' ? to : undefined
  }

  /**
   * Redeems a token. Returns whether this call was the first for the token.
   *
   * @throws {LiveSessionError} `store_unavailable` if the store does not answer, because only the store knows which call is first
   */
  async redeem({ id, browser }: HandOff): Promise<boolean> {
    const { store } = this.#parts
    if (!store) return this.#open.get(browser)?.delete(id) ?? false
    const isFirst = await store.singleUse.spend(`hand-off:${id}`)
    if (isFirst !== undefined) return isFirst
    throw new LiveSessionError('store_unavailable', 'the store does not answer whether this hand-off was used before')
  }

  #claims(token: string, browser: Sub): ReturnType<EncryptionKeys['decrypt']> {
    const claims = token.length > MAX_TOKEN ? undefined : this.#keys.decrypt(token)
    const { cookie, clock } = this.#parts.settings
    if (claims?.['aud'] !== cookie.name || claims['browser'] !== browser) return undefined
    const [iat, exp, now] = [Number(claims['iat']) * 1000, Number(claims['exp']) * 1000, clock()]
    // A token from the future would outlive the record of redeemed tokens.
    return exp > now && Number.isFinite(iat) && !isAhead(iat, now) ? claims : undefined
  }
}

/** @throws {LiveSessionError} `invalid_value` or `too_large` for the payload */
export function frozenPayload(purpose: string, payload: unknown): JsonValue {
  return frozenInput(`handOff("${purpose}")`, 'the payload', payload, MAX_PAYLOAD)
}

/** @throws {TypeError} for an invalid purpose, which is a mistake in the app's code */
export function checkPurpose(method: string, purpose: unknown): string {
  if (isKey(purpose)) return purpose
  const received = typeof purpose === 'string' ? JSON.stringify(purpose.slice(0, 64)) : typeof purpose
  const expected = 'expected a purpose that starts with a letter and has at most 64 of A-Z a-z 0-9 _ . -'
  throw new TypeError(printable(`koa-live-session: ${method}: ${expected}, received ${received}`))
}
