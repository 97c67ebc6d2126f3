import { describe, expect, it } from '@jest/globals'
import type { RegisterChanges } from '../../../../server/kernel/remote/registers.js'
import {
  changed,
  contentOf,
  difference,
  readContent,
  toKoaSession,
  valuesOf,
} from '../../../../server/parts/session-store/session-content.js'
import { isCarried, jsonOf } from '../../../../server/parts/session-store/session-json.js'
import { Replica } from '../../../../shared/replica.js'
import { fc } from '../../../support/app/property.js'
import { stamp } from '../../../support/app/stamp.js'

const NOW = 1_700_000_000_000
const DAY = 24 * 60 * 60 * 1000

const key = fc
  .string({ minLength: 1, maxLength: 8, unit: 'grapheme' })
  .filter((text) => isCarried(text) && !text.includes('\0'))
const values = fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { noNullPrototype: true })

type Session = Record<string, unknown>

/** A session in memory, which takes one save after the other. */
class Saved {
  readonly replica = new Replica()
  #stamp = NOW

  constructor(first: Session) {
    this.#write(readContent({ ...first, _maxAge: DAY }, undefined))
  }

  /** What a request is given. */
  get(): Session {
    return { ...toKoaSession(this.replica, NOW) }
  }

  /** Saves what a request has made of what it was given. */
  save(given: ReturnType<typeof contentOf>, left: Session): void {
    this.#write(difference(given, readContent(left, undefined)))
  }

  values(): Session {
    return Object.fromEntries(valuesOf(this.replica))
  }

  #write(changes: RegisterChanges): void {
    this.#stamp += 1
    const registers = Array.from(changes, ([name, value]) => ({ key: name, stamp: stamp(this.#stamp), value }))
    for (const register of registers) this.replica.merge(register, 'request')
  }
}

/** As koa-session's JSON has it, without members `__proto__`. */
const asJson = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (name, member: unknown) => (name === '__proto__' ? undefined : member))

describe('what a request saves of a session', () => {
  it('comes back as it was, with the time that is left', () => {
    fc.assert(
      fc.property(values, (given) => {
        const { _expire, _maxAge, ...rest } = new Saved(given).get()
        expect(rest).toEqual(asJson(given))
        expect(_maxAge).toBe(DAY)
        expect(Math.abs(Number(_expire) - Date.now() - DAY)).toBeLessThan(60_000)
      }),
    )
  })

  it('is all that two requests at once have set, replaced and deleted, whichever saves first, where their keys differ', () => {
    const edits = fc.dictionary(key, fc.option(fc.jsonValue({ maxDepth: 1 }), { nil: undefined }), {
      noNullPrototype: true,
    })
    fc.assert(
      fc.property(values, edits, edits, fc.boolean(), (base, one, all, isOneFirst) => {
        const two = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in one)))
        const saved = new Saved(base)
        const given = contentOf(saved.replica)
        const saves = [one, two].map((edit) => () => saved.save(given, { ...saved.get(), ...base, ...edit }))
        // A copy for each, made before either is saved.
        const [first, second] = isOneFirst ? saves : saves.reverse()
        first?.()
        second?.()
        expect(saved.values()).toEqual(asJson({ ...base, ...one, ...two }))
      }),
    )
  })

  it('is nothing where it has changed nothing', () => {
    fc.assert(
      fc.property(values, (base) => {
        const saved = new Saved(base)
        expect(difference(contentOf(saved.replica), readContent(saved.get(), undefined)).size).toBe(0)
      }),
    )
  })
})

describe('the keys of a session', () => {
  const many = (count: number): Session =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`key-${at}`, at]))
  /** What a session of so many keys goes on as, of which a request has made this. */
  const regenerated = (count: number, left: Session) => {
    const before = readContent(many(count), DAY)
    return changed(before, difference(before, readContent(left, DAY)))
  }
  const { 'key-0': _, ...others } = many(253)

  it('are 253 at the most where it begins', () => {
    expect(changed(new Map(), readContent(many(253), DAY)).size).toBe(256)
    expect(() => changed(new Map(), readContent(many(254), DAY))).toThrow('256 keys')
  })

  it('are 253 at the most where it goes on under another id, of those that are left', () => {
    expect(regenerated(253, { ...others, more: 1 }).size).toBe(256)
    expect(() => regenerated(253, many(254))).toThrow('256 keys')
  })

  it('are all that nodes have added at once where it goes on with these, and no more', () => {
    expect(regenerated(260, { ...many(260), 'key-0': 'x' }).size).toBe(263)
    expect(() => regenerated(260, many(261))).toThrow('256 keys')
  })
})

describe('a value of a session', () => {
  it('is what JSON makes of it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), (value) => {
        expect(jsonOf('key', value)).toEqual(asJson(value))
      }),
    )
  })

  it('is none where JSON has none', () => {
    for (const value of [undefined, () => 1, Symbol('x')]) expect(jsonOf('key', value)).toBeUndefined()
  })
})
