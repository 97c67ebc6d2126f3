import { codePoint } from '../support/app/code-point.js'
import { fc } from '../support/app/property.js'
import type { Dice } from './dice.js'

const POOL = 400

const deep = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}1${']'.repeat(levels)}`)
const wide = (members: number): unknown =>
  Object.fromEntries(Array.from({ length: members }, (_, at) => [`k${at}`, at]))

const HANDMADE: readonly unknown[] = [
  ...[null, true, false, '', 0, -0, 1, -1, 0.1, 1e308, -1e308, 5e-324, 2 ** 53, -(2 ** 53), Number.MAX_SAFE_INTEGER],
  ...['\ud800', '\udc00x', '\0', '\r\nset-cookie: a=b', '</script>', '\u2028', '%00'],
  ...['x'.repeat(3000), 'é'.repeat(800), { '\udc00': 1 }],
  ...JSON.parse('[[], {}, [[]], [null], [[null]], {"length":1}, {"then":1}, {"toJSON":1}, {"~standard":1}]'),
  ...JSON.parse('[{"_placeholder":true,"num":0}, {"__proto__":{"polluted":1}}]'),
  { constructor: { prototype: { polluted: 1 } } },
  ...[deep(32), deep(33), deep(2000), wide(300), Array(800).fill(1), Array(200).fill('x')],
]

/** Undeclared and unwritable keys, and other types. */
const KEYS: readonly unknown[] = [
  ...'role secret __proto__ constructor prototype toJSON hasOwnProperty $epoch length save'.split(' '),
  ...['', ' division', 'divisi\u043en', 'DIVISION', 'division\0', 'k'.repeat(65), '_x', 'user:s:ann', '\ud800'],
  ...[['division'], { key: 'division' }, 0, null, true, [], ['__proto__']],
]

const BINARY: readonly unknown[] = [Buffer.from('division'), new Uint8Array(8), new ArrayBuffer(4), [Buffer.alloc(0)]]

/** Unexpected values: generated, or known to break programs. */
export class OddValues {
  readonly #values: readonly unknown[]
  readonly #texts: readonly string[]

  constructor(seed: number) {
    const sampled = { seed, numRuns: POOL }
    this.#values = [...HANDMADE, ...fc.sample(fc.jsonValue({ stringUnit: codePoint }), sampled)]
    this.#texts = fc.sample(fc.oneof(fc.string(), fc.string({ unit: codePoint }), fc.base64String()), sampled)
  }

  /** A JSON value, including -0 and lone surrogates. */
  json(dice: Dice): unknown {
    return dice.pick(this.#values)
  }

  /** A value of a socket's packet. */
  packet(dice: Dice): unknown {
    return dice.chance(0.15) ? dice.pick(BINARY) : this.json(dice)
  }

  text(dice: Dice): string {
    return dice.pick(this.#texts)
  }

  key(dice: Dice): unknown {
    return dice.chance(0.8) ? dice.pick(KEYS) : this.text(dice)
  }
}
