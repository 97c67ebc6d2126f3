import { describe, expect, it } from '@jest/globals'
import {
  contentOf,
  difference,
  readContent,
  toKoaSession,
  valuesOf,
} from '../../../../server/features/session-store/session-content.js'
import { isCarried } from '../../../../server/features/session-store/session-json.js'
import type { RegisterChanges } from '../../../../server/store/registers.js'
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

class Saved {
  readonly replica = new Replica()
  #stamp = NOW

  constructor(first: Session) {
    this.#write(readContent({ ...first, _maxAge: DAY }, undefined))
  }

  get(): Session {
    return { ...toKoaSession(this.replica, NOW) }
  }

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

/** As koa-session stores it, without members `__proto__`. */
const asJson = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (name, member: unknown) => (name === '__proto__' ? undefined : member))

describe('a saved session', () => {
  it('is loaded unchanged, with the remaining time', () => {
    fc.assert(
      fc.property(values, (given) => {
        const { _expire, _maxAge, ...rest } = new Saved(given).get()
        expect(rest).toEqual(asJson(given))
        expect(_maxAge).toBe(DAY)
        expect(Math.abs(Number(_expire) - Date.now() - DAY)).toBeLessThan(60_000)
      }),
    )
  })

  it('merges two concurrent requests with different keys', () => {
    const edits = fc.dictionary(key, fc.option(fc.jsonValue({ maxDepth: 1 }), { nil: undefined }), {
      noNullPrototype: true,
    })
    fc.assert(
      fc.property(values, edits, edits, fc.boolean(), (base, one, all, isOneFirst) => {
        const two = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in one)))
        const saved = new Saved(base)
        const given = contentOf(saved.replica)
        const saves = [one, two].map((edit) => () => saved.save(given, { ...saved.get(), ...base, ...edit }))
        // Each has a copy, made before the first save.
        const [first, second] = isOneFirst ? saves : saves.reverse()
        first?.()
        second?.()
        expect(saved.values()).toEqual(asJson({ ...base, ...one, ...two }))
      }),
    )
  })

  it('saves nothing without changes', () => {
    fc.assert(
      fc.property(values, (base) => {
        const saved = new Saved(base)
        expect(difference(contentOf(saved.replica), readContent(saved.get(), undefined)).size).toBe(0)
      }),
    )
  })
})
