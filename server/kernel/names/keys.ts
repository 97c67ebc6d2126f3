// The keys that sign cookies and tickets.

import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto'

const MIN_BYTES = 32
const GENERATE = `Generate one: node -p "crypto.randomBytes(32).toString('base64url')"`
/** An unset variable is a mistake of its own: a second secret would invalidate the cookies of the first. */
const SET = `Is the variable set? node --env-file=.env loads it from a file. If you have no secret yet: ${GENERATE}`

/** The purpose of a key: a signature made for one purpose is worthless for another. */
export type Purpose = 'ticket' | 'cookie' | 'room' | 'hand-off' | 'inspector'

export interface Key {
  /** Its `kid`. */
  readonly id: string
  readonly key: KeyObject
}

/** Derives the keys of one purpose, one for each secret: the first signs or encrypts, so that secrets can be rotated. */
export function deriveKeys(secrets: readonly string[], purpose: Purpose): readonly Key[] {
  return secrets.map((secret) => {
    const derived = Buffer.from(hkdfSync('sha256', secret, '', `koa-live-session/${purpose}`, MIN_BYTES))
    const id = createHash('sha256').update(derived).digest('base64url').slice(0, 8)
    return { id, key: createSecretKey(derived) }
  })
}

/** Returns the key that signs or encrypts now. */
export function firstOf(keys: readonly Key[]): Key {
  const [first] = keys
  if (!first) throw new TypeError('koa-live-session: no key to sign with')
  return first
}

/** The keys of one purpose: the first signs, all verify, so that secrets can be rotated. */
export class SigningKeys {
  /** The `kid` of the key that signs. */
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

  /** Returns the signature of each key: during a rotation, any two processes share one. */
  all(text: string): readonly string[] {
    return this.#keys.map(({ key }) => mac(key, text))
  }

  /** Returns which key made the signature: 0 signs now, others are retired; -1: none of them. */
  index(text: string, signature: string): number {
    return this.#keys.findIndex(({ key }) => isEqual(mac(key, text), signature))
  }

  /**
   * Returns which of the signatures is valid. However many there are, each key makes one: a set finds it by a hash with a secret seed, so
   * that the time taken tells nothing of how much of a signature is right.
   */
  find(text: string, signatures: ReadonlySet<string>): string | undefined {
    return this.all(text).find((expected) => signatures.has(expected))
  }

  /** Returns whether the key with that id made the signature. */
  verify(id: string, text: string, signature: string): boolean {
    const found = this.#keys.find((key) => key.id === id)
    return found !== undefined && isEqual(mac(found.key, text), signature)
  }
}

/**
 * Returns the secrets to derive keys from.
 *
 * @throws {TypeError} if there is none, one is too short to resist guessing, or they cannot be read (a Keygrip)
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
    return bytes < MIN_BYTES ? fail(`one of ${bytes} bytes in ${source}`) : secret
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
