// Validates, freezes, compares and canonicalizes JSON values.

type Scalar = string | number | boolean | null

/** A value that JSON carries unchanged: no Date, Map, Set, bigint, function or class instance, and at run time no NaN or infinity. */
export type JsonValue = Scalar | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined }

const MAX_DEPTH = 32
/** Maximum members of a value, in lists and objects at all depths. */
export const MAX_MEMBERS = 10_000

/** The error for a value that JSON would lose or change. The message has the path, such as `$.items[0].at`. */
export class NotJson extends TypeError {
  readonly received: string
  readonly path: string

  constructor(received: string, path: string) {
    super(printable(`expected a JSON value, received ${received} at ${path}`))
    this.received = received
    this.path = path
  }
}

/**
 * Returns a deep-frozen copy of a JSON value. As in JSON text, -0 becomes 0, and an object keeps only its own members, without symbol keys
 * and `undefined`.
 *
 * @throws {NotJson} with the path, for any other value: a Date, NaN, `undefined` as the value or in a list, a class instance, a lone
 * surrogate, a `__proto__` key, more than 32 levels or 10,000 members.
 */
export function freezeJson(root: unknown): JsonValue {
  let members = 0
  // The current path; only an error formats this.
  const steps: (string | number)[] = []
  const refuse = (received: string): never => {
    const path = steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    throw new NotJson(received, `$${path.join('')}`)
  }
  const each = (child: unknown, step: string | number): JsonValue => {
    members += 1
    if (members > MAX_MEMBERS) throw new NotJson(`more than ${MAX_MEMBERS.toLocaleString('en')} values`, '$')
    steps.push(step)
    const frozen = walk(child)
    steps.pop()
    return frozen
  }
  const walk = (value: unknown): JsonValue => {
    // This also replaces -0.
    if (value === 0) return 0
    if (typeof value !== 'object' || value === null) return isSound(value) ? value : refuse(String(flawOf(value)))
    if (steps.length >= MAX_DEPTH) refuse(`more than ${MAX_DEPTH} levels`)
    // Array.from also visits the holes of a sparse array, as undefined; slice trims the spare capacity, twelve slots for a list of five.
    if (Array.isArray(value)) return Object.freeze(Array.from(value, each).slice())
    if (!isPlainObject(value)) return refuse(article(className(value)))
    const copy: Record<string, JsonValue> = {}
    for (const key of Object.keys(value)) {
      const member = value[key]
      // Forms and spreads clear an optional member with undefined, and JSON omits such members.
      if (member === undefined) continue
      // Assigning this key would change a prototype: of the copy, or of the object into which the app merges the value.
      if (key === '__proto__') refuse('a key "__proto__"')
      const flaw = flawOf(key)
      if (flaw !== undefined) refuse(flaw)
      copy[key] = each(member, key)
    }
    return Object.freeze(copy)
  }
  return walk(root)
}

/** Counts the members in lists and objects at all depths. */
export function countMembers(value: JsonValue | undefined): number {
  if (typeof value !== 'object' || value === null) return 0
  const members: readonly (JsonValue | undefined)[] = Object.values(value)
  return members.reduce<number>((sum, member) => sum + countMembers(member), members.length)
}

/** Names the reason why JSON cannot carry a scalar unchanged; undefined if JSON carries it unchanged. */
function flawOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      // UTF-8 has no lone surrogates: decoding would return a different string.
      return isWellFormed(value) ? undefined : 'a lone surrogate'
    case 'number':
      return Number.isFinite(value) ? undefined : String(value)
    case 'boolean':
      return undefined
    case 'undefined':
      return 'undefined'
    default:
      return value === null ? undefined : article(typeof value)
  }
}

function isSound(value: unknown): value is Scalar {
  return flawOf(value) === undefined
}

/** Returns whether text has no lone surrogates. (String.prototype.isWellFormed is newer than this project's compile target.) */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  // Not compared with `Object.prototype`: a frame, and a test runner's sandbox, have their own `Object`.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function className(value: object): string {
  const maker: unknown = value.constructor
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'object without a class'
}

function article(name: string): string {
  return `${/^[aeiou]/i.test(name) ? 'an' : 'a'} ${name}`
}

/**
 * Returns the canonical JSON of a value: keys sorted by UTF-16 code units (as in RFC 8785), and all characters outside ASCII escaped, so
 * that JavaScript, Lua and SQL order the texts alike, byte by byte. `undefined` gives `''`, the smallest text.
 */
export function canonicalJson(value: JsonValue | undefined): string {
  if (value === undefined) return ''
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, member]) => (member === undefined ? [] : `${ascii(key)}:${canonicalJson(member)}`))
    return `{${members.join(',')}}`
  }
  return ascii(value)
}

function ascii(scalar: JsonValue): string {
  return JSON.stringify(scalar).replace(/[^\0-\x7f]/g, escapeUnit)
}

/** Returns whether two JSON values are equal, regardless of the order of keys. */
export function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  // For scalars `===` suffices.
  return a === b || (typeof a === 'object' && canonicalJson(a) === canonicalJson(b))
}

/** Returns the escape of a UTF-16 code unit in JSON and JavaScript. */
export function escapeUnit(unit: string): string {
  return `\\u${`000${unit.charCodeAt(0).toString(16)}`.slice(-4)}`
}

/** Escapes line breaks and control characters in untrusted text, which could forge lines in a log. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, escapeUnit)
}
