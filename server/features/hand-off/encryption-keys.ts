// Encrypts claims into tokens, and decides which tokens are genuine.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { isRecord } from '../../../shared/parse.js'
import { deriveKeys, firstOf, type Key, type Purpose } from '../../subjects/signing-keys.js'

const CIPHER = 'aes-256-gcm'
const ENCRYPTION = 'A256GCM'
/** JWE's direct encryption: the derived key encrypts the claims, so the token contains no wrapped key. */
const ALGORITHM = 'dir'
const IV_BYTES = 12
/** The length of authentication tags. By default Node also accepts shorter tags, which an attacker could guess. */
const TAG_BYTES = 16

/** Encrypts and authenticates claims for this server alone, as compact JWE (RFC 7516) with `dir` and A256GCM. */
export class EncryptionKeys {
  readonly #keys: readonly Key[]
  readonly #first: Key
  readonly #type: string
  readonly #header: string

  constructor(secrets: readonly string[], purpose: Purpose, type: string) {
    this.#keys = deriveKeys(secrets, purpose)
    this.#first = firstOf(this.#keys)
    this.#type = type
    const header = { alg: ALGORITHM, enc: ENCRYPTION, typ: type, kid: this.#first.id }
    this.#header = Buffer.from(JSON.stringify(header)).toString('base64url')
  }

  encrypt(claims: object): string {
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv(CIPHER, this.#first.key, iv, { authTagLength: TAG_BYTES })
    cipher.setAAD(Buffer.from(this.#header))
    const parts = [iv, Buffer.concat([cipher.update(JSON.stringify(claims)), cipher.final()]), cipher.getAuthTag()]
    return [this.#header, '', ...parts.map((part) => part.toString('base64url'))].join('.')
  }

  /** Returns the decrypted claims; undefined if the text was altered, has another format or names an unknown key. */
  decrypt(text: string): Readonly<Record<string, unknown>> | undefined {
    const [header, wrapped, ...parts] = text.split('.')
    const [iv, encrypted, tag, ...rest] = parts.map((part) => Buffer.from(part, 'base64url'))
    if (!header || wrapped !== '' || !iv || !encrypted || !tag || rest.length > 0) return undefined
    const key = this.#keyOf(header)
    if (!key || iv.length !== IV_BYTES || tag.length !== TAG_BYTES) return undefined
    try {
      const decipher = createDecipheriv(CIPHER, key.key, iv, { authTagLength: TAG_BYTES })
      decipher.setAAD(Buffer.from(header))
      decipher.setAuthTag(tag)
      return parse(Buffer.concat([decipher.update(encrypted), decipher.final()]))
    } catch {
      return undefined
    }
  }

  /** Returns the key that a header names; undefined if the header names another algorithm. A token must never choose the algorithm. */
  #keyOf(header: string): Key | undefined {
    const { alg, enc, typ, kid, crit, zip } = parse(Buffer.from(header, 'base64url')) ?? {}
    if (alg !== ALGORITHM || enc !== ENCRYPTION || typ !== this.#type || crit !== undefined || zip !== undefined)
      return undefined
    return this.#keys.find(({ id }) => id === kid)
  }
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
