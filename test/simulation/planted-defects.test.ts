import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from '@jest/globals'
import { transform } from 'esbuild'
import { bundle, eachAtOnce, recall, sail } from './fleet.js'
import { plant, productOf, readDefects, readProduct, undeclaredIn } from './planting.js'

const DEFECTS = readDefects()

/** Far more schedules than any defect needs: most defects are noticed within a hundred. */
const SCHEDULES = 10_000
/** One in this many defects is planted; `PLANT_ONE_IN=1` plants all, which takes minutes. */
const ONE_IN = Number(process.env['PLANT_ONE_IN'] ?? 36)
/** The index of the first planted defect, which the simulation notices after few schedules. */
const FIRST = Math.min(2, ONE_IN - 1)
/** In ms, longer than any machine takes. */
const HANGS = 3_600_000

const PRODUCT = readProduct()

afterAll(recall)

it(
  `the simulation notices each planted defect (one in ${ONE_IN} is planted)`,
  async () => {
    const missed: string[] = []
    const planted = [...DEFECTS.entries()].filter(([index, { noticedBy }]) => !noticedBy && index % ONE_IN === FIRST)
    expect(planted.length).toBeGreaterThan(0)
    await eachAtOnce(planted, async ([index, defect]) => {
      const file = await bundle(`planted-${index}`, plant(defect, PRODUCT))
      const { finding } = await sail(file, 1, SCHEDULES, false)
      if (!finding) missed.push(defect.name)
    })
    expect(missed).toEqual([])
  },
  HANGS,
)

it.each(DEFECTS)('can be planted: $name', async (defect) => {
  const { file, text } = plant(defect, PRODUCT)
  expect(text).not.toBe(readFileSync(file, 'utf8'))
  await transform(text, { loader: 'ts', sourcefile: file })
})

it('planted code uses no undeclared names', () => {
  expect(undeclaredIn(DEFECTS.map((defect) => plant(defect, PRODUCT)))).toEqual([])
})

describe('a planted defect', () => {
  const planted = (find: string, code: string): string => {
    const text = `class Example { go() { ${code} } }`
    const product = productOf([{ file: 'server/example.ts', text }])
    const { file, text: changed } = plant({ name: 'late', at: 'Example.go', find, replace: 'undefined' }, product)
    expect(file).toBe('server/example.ts')
    return changed.slice('class Example { go() { '.length, -' } }'.length)
  }

  it.each([
    ['spread over lines', 'tell(who, what)', 'can && tell(\n  who, // or what\n  what,\n)', 'can && undefined'],
    ['called with any arguments', 'hear(…)', 'if (on) hear(1, [2])\nelse tell()', 'if (on) undefined\nelse tell()'],
    ['reached by a longer path', 'peers?.tell(…)', 'this.#core.peers.tell(name, ending)', 'undefined'],
    ['part of a larger expression', 'a && b', 'return (a && b) || (b && a)', 'return (undefined) || (b && a)'],
  ])('replaces code that is %s', (_, find, code, expected) => {
    expect(planted(find, code)).toBe(expected)
  })

  it('throws if the product has changed', () => {
    expect(() => planted('tell(…)', 'hear()')).toThrow('late: expected once in Example.go, found 0 times: tell(…)')
    expect(() => planted('tell(…)', 'tell(1); tell(2)')).toThrow('found 2 times')
    expect(() => plant({ name: 'late', at: 'Gone.go', find: 'a', replace: 'b' }, PRODUCT)).toThrow(
      'late: nothing is called Gone.go, where this is expected: a',
    )
  })
})
