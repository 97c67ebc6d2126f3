// Derives keys from the app's secrets; signs and verifies cookies and tickets.

import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

const MIN_BYTES = 32
/** Minimum of different characters in a secret: of a million random secrets of 32 hex digits, three have fewer. */
const MIN_CHARACTERS = 9
/** Marks a secret copied from an example, which strangers know. */
const PLACEHOLDER = /change.?me|only for development/i
const isPlaceholder = (text: string): boolean => PLACEHOLDER.test(text)
const GENERATE = `Generate one: node -p "crypto.randomBytes(32).toString('base64url')"`
/** The advice for an unset variable. Asks for an existing secret first, because a new secret would invalidate all cookies. */
const SET = `Is the variable set? node --env-file=.env loads it from a file. If you have no secret yet: ${GENERATE}`

/** A key's purpose, which is part of its derivation, so that a signature for another purpose is invalid. */
export type Purpose = 'ticket' | 'cookie' | 'room' | 'hand-off' | 'inspector'

export interface Key {
  /** The `kid`. */
  readonly id: string
  readonly key: KeyObject
}

/**
 * Derives a key for a purpose from each secret, in the order of the secrets. The first key signs or encrypts; the others support key
 * rotation.
 */
export function deriveKeys(secrets: readonly string[], purpose: Purpose): readonly Key[] {
  return secrets.map((secret) => {
    const derived = Buffer.from(hkdfSync('sha256', secret, '', `koa-live-session/${purpose}`, MIN_BYTES))
    const id = createHash('sha256').update(derived).digest('base64url').slice(0, 8)
    return { id, key: createSecretKey(derived) }
  })
}

/** Returns the current key: the first. */
export function firstOf(keys: readonly Key[]): Key {
  const [first] = keys
  if (!first) throw new TypeError('koa-live-session: no key to sign with')
  return first
}

/** The keys for a purpose: the first signs and all of them verify, so that secrets can be rotated. */
export class SigningKeys {
  /** The `kid` of the signing key. */
  readonly id: string
  readonly #key: KeyObject
  readonly #keys: readonly Key[]

  constructor(secrets: readonly string[], purpose: Purpose) {
    this.#keys = deriveKeys(secrets, purpose)
    const { id, key } = firstOf(this.#keys)
    this.id = id
    this.#key = key
  }

  sign(text: string): string {
    return mac(this.#key, text)
  }

  /** Returns a signature by each key: during a rotation, every other process knows at least one of the keys. */
  signAll(text: string): readonly string[] {
    return this.#keys.map(({ key }) => mac(key, text))
  }

  /** Returns the index of the key that made the signature: 0 is the current key, higher indexes are old keys; -1 if no key made it. */
  index(text: string, signature: string): number {
    return this.#keys.findIndex(({ key }) => isEqual(mac(key, text), signature))
  }

  /**
   * Returns the valid signature among these, with a single HMAC per key. A lookup in the set uses a randomly seeded hash, so timing does
   * not reveal how much of a signature is correct.
   */
  find(text: string, signatures: ReadonlySet<string>): string | undefined {
    return this.signAll(text).find((expected) => signatures.has(expected))
  }

  /** Returns whether the key with this `kid` made the signature. */
  verify(id: string, text: string, signature: string): boolean {
    const found = this.#keys.find((key) => key.id === id)
    return found !== undefined && isEqual(mac(found.key, text), signature)
  }
}

/**
 * Validates the app's secrets, from which all keys are derived.
 *
 * @throws {TypeError} if no secrets are readable (as in a Keygrip), or if one is short, a placeholder or, in production, too simple
 */
export function readSecrets(keys: unknown, source: string): readonly string[] {
  const fail = (received: string, advice = GENERATE): never => {
    throw new TypeError(
      `koa-live-session: keys: expected at least one string of ${MIN_BYTES} bytes or more, received ${received}. ${advice}`,
    )
  }
  if (keys === undefined || keys === null) return fail(`none (${source} is unset)`)
  if (!Array.isArray(keys)) return fail(`${source} of another kind (a Keygrip keeps its secrets to itself: pass keys)`)
  if (keys.length === 0) return fail(`none (${source} is empty)`)
  return keys.map((secret: unknown) => {
    if (secret === undefined) return fail(`undefined in ${source}`, SET)
    if (secret === '') return fail(`an empty string in ${source}`, SET)
    if (typeof secret !== 'string') return fail(`a ${typeof secret} in ${source}`)
    const bytes = Buffer.byteLength(secret)
    if (bytes < MIN_BYTES) return fail(`one of ${bytes} bytes in ${source}`)
    if (isPlaceholder(secret)) return fail(`a placeholder in ${source}`)
    // Tests and samples may have a simple secret.
    if (process.env['NODE_ENV'] !== 'production') return secret
    const { size } = new Set(secret)
    return size < MIN_CHARACTERS ? fail(`one of ${size} different characters in ${source}`) : secret
  })
}

function mac(key: KeyObject, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url')
}

function isEqual(expected: string, received: string): boolean {
  const a = Buffer.from(expected)
  const b = Buffer.from(received)
  return a.length === b.length && timingSafeEqual(a, b)
}
