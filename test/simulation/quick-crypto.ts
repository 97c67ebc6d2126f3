import * as crypto from 'node:crypto'

export const { createSecretKey, hkdfSync, timingSafeEqual } = crypto

const MAX_KNOWN = 20_000
const POOL = 1 << 16

/** What is hashed here is hashed again by somebody else soon: a cookie is signed, and then verified with every request. */
class Digests {
  readonly #known = new Map<string, string>()
  readonly #digest: (text: string) => string

  constructor(digest: (text: string) => string) {
    this.#digest = digest
  }

  of(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    if (this.#known.size >= MAX_KNOWN) this.#known.clear()
    const digest = this.#digest(text)
    this.#known.set(text, digest)
    return digest
  }
}

const hashes = new Digests((text) => crypto.createHash('sha256').update(text).digest('base64url'))
const macs = new WeakMap<crypto.KeyObject, Digests>()

function macsOf(key: crypto.KeyObject): Digests {
  const known = macs.get(key)
  if (known) return known
  const digests = new Digests((text) => crypto.createHmac('sha256', key).update(text).digest('base64url'))
  macs.set(key, digests)
  return digests
}

interface Quick {
  update(text: string | Buffer): { digest(encoding: 'base64url'): string }
}

/** As node's own, for what the product asks of them. */
export function createHash(_: 'sha256'): Quick {
  const real = (data: Buffer): string => crypto.createHash('sha256').update(data).digest('base64url')
  return { update: (text) => ({ digest: () => (typeof text === 'string' ? hashes.of(text) : real(text)) }) }
}

export function createHmac(_: 'sha256', key: crypto.KeyObject): Quick {
  return { update: (text) => ({ digest: () => macsOf(key).of(String(text)) }) }
}

let pool = Buffer.alloc(0)

export function randomBytes(size: number): Buffer {
  if (pool.length < size) pool = crypto.randomBytes(POOL)
  const bytes = pool.subarray(0, size)
  pool = pool.subarray(size)
  return bytes
}
