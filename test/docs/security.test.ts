import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

const FOLDER = 'test/threats'
const PAGE = 'test/threats/README.md'
const page = readFileSync(PAGE, 'utf8')
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts'))

/** The titles of a file's tests. */
function titlesOf(file: string): readonly string[] {
  const text = readFileSync(`${FOLDER}/${file}`, 'utf8').replaceAll('\\u2019', '’')
  return [...text.matchAll(/(?:\bdescribe|\bit|\))\(\s*'([^']+)'/g)].map(([, title = '']) => title)
}
const titles = new Map(files.map((file) => [file, titlesOf(file)]))

/** Splits a title into its threat numbers and words. */
function readTitle(title: string): { readonly words: string; readonly numbers: readonly string[] } {
  const [, numbers = '', words = title] = /^threats? ([\d, and]+): (.*)$/.exec(title) ?? []
  return { words, numbers: numbers.match(/\d+/g) ?? [] }
}

/** The rows: the number, or else the title of a test, with the test files. */
const rows = page
  .split('\n')
  .filter((line) => /^\| *\d* \| .* \| `[\w-]+`(?:, `[\w-]+`)* \|$/.test(line))
  .map((line) => {
    const [, number = '', tried = '', , tests = ''] = line.split(/ ?\| ?/)
    return {
      number: number.trim(),
      tried,
      named: [...tests.matchAll(/`([\w-]+)`/g)].map(([, file]) => `${file}.test.ts`),
    }
  })
const named = rows.flatMap(({ number, tried, named }) => named.map((file) => [number, tried, file] as const))

describe(PAGE, () => {
  it.each(named)('row %s, %s, has its test in %s', (number, tried, file) => {
    const found = (titles.get(file) ?? []).map(readTitle)
    const own = found.filter(({ words, numbers }) => (number === '' ? words === tried : numbers.includes(number)))
    expect(own.length).toBeGreaterThan(0)
    if (number === '') expect(own).toHaveLength(1)
  })

  it('has a row for each threat in a title', () => {
    const numbers = rows.flatMap(({ number }) => (number === '' ? [] : [number]))
    expect(new Set(numbers).size).toBe(numbers.length)
    const tested = [...titles].flatMap(([file, all]) =>
      all.flatMap((title) => readTitle(title).numbers.map((number) => `${number} ${file}`)),
    )
    const listed = rows.flatMap(({ number, named }) => (number === '' ? [] : named.map((file) => `${number} ${file}`)))
    expect([...listed].sort()).toEqual([...new Set(tested)].sort())
  })

  it('lists every file', () => {
    expect(files.filter((file) => !named.some(([, , other]) => other === file))).toEqual([])
  })
})
