import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

const PAGE = 'docs/security.md'
const FOLDER = 'test/threats'
const page = readFileSync(PAGE, 'utf8')
const files = readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts'))

/** The titles of a file's tests, as one reads them. */
function titlesOf(file: string): readonly string[] {
  const text = readFileSync(`${FOLDER}/${file}`, 'utf8').replaceAll('\\u2019', '’')
  return [...text.matchAll(/(?:\bdescribe|\bit|\))\(\s*'([^']+)'/g)].map(([, title = '']) => title)
}
const titles = new Map(files.map((file) => [file, titlesOf(file)]))

/** What a title says besides its number, and the numbers. */
function readTitle(title: string): { readonly words: string; readonly numbers: readonly string[] } {
  const [, numbers = '', words = title] = /^threats? ([\d and]+): (.*)$/.exec(title) ?? []
  return { words, numbers: numbers.match(/\d+/g) ?? [] }
}

const rows = page
  .split('\n')
  .filter((line) => /^\| *\d* \| .*`[\w-]+`: /.test(line))
  .map((line) => {
    const [, number = '', , , tests = ''] = line.split(/ ?\| ?/)
    const named = tests.split(/; (?=`)/).map((test) => /^`([\w-]+)`: (.*)$/.exec(test) ?? [])
    return { number: number.trim(), named: named.map(([, file, words]) => ({ file: `${file}.test.ts`, words })) }
  })
const named = rows.flatMap(({ number, named }) => named.map(({ file, words }) => [number, file, words] as const))

describe(PAGE, () => {
  it.each(named)('row %s names a test that there is: %s, %s', (number, file, words) => {
    const found = (titles.get(file) ?? []).map(readTitle).filter((title) => title.words === words)
    expect(found).toHaveLength(1)
    if (number !== '') expect(found[0]?.numbers).toContain(number)
  })

  it('has a row for each threat that a test is named after, and none twice', () => {
    const tested = new Set([...titles.values()].flat().flatMap((title) => readTitle(title).numbers))
    const numbers = rows.flatMap(({ number }) => (number === '' ? [] : [number]))
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(numbers).toEqual(expect.arrayContaining([...tested]))
  })

  it('leaves out no file of tests', () => {
    expect(files.filter((file) => !named.some(([, other]) => other === file))).toEqual([])
  })
})
