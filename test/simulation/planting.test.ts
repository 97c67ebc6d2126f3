import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { transform } from 'esbuild'
import { plant, productOf, readDefects, readProduct } from './planting.js'

it('all recorded defects can be planted, and the planted code parses', async () => {
  const product = readProduct()
  const problems: unknown[] = []
  for (const defect of readDefects()) {
    try {
      const { file, text } = plant(defect, product)
      await transform(text, { loader: 'ts', sourcefile: file })
      if (text === readFileSync(file, 'utf8')) problems.push(`${defect.name}: changes nothing`)
    } catch (error) {
      problems.push((error as Error).message)
    }
  }
  expect(problems).toEqual([])
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
    expect(() => plant({ name: 'late', at: 'Gone.go', find: 'a', replace: 'b' }, productOf([]))).toThrow(
      'late: nothing is called Gone.go, where this is expected: a',
    )
  })
})
