import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

interface Result {
  readonly command: string
  readonly date: string
  readonly title: string
}

const RESULTS = 'bench/results'
const names = readdirSync(RESULTS).map((file) => file.replace('.json', ''))
const resultOf = (name: string): Result => JSON.parse(readFileSync(`${RESULTS}/${name}.json`, 'utf8'))

describe('bench/results', () => {
  it.each(names)('is of a row that the bench still has: %s', (name) => {
    const { command, title } = resultOf(name)
    const rows = readdirSync('bench/rows').map((file) => readFileSync(`bench/rows/${file}`, 'utf8'))
    expect(command).toBe(`npm run bench ${name}`)
    expect(rows.some((text) => new RegExp(`export const ${name}\\b`).test(text) && text.includes(title))).toBe(true)
  })

  it('are as old as bench/README.md says', () => {
    const [, usual, others = ''] =
      /^Measured on ([\d-]+), .*? GB\.(.*)$/m.exec(readFileSync('bench/README.md', 'utf8')) ?? []
    const dates = [...others.matchAll(/The rows (.*?): ([\d-]+)/g)].flatMap(([, rows = '', date]) =>
      [...rows.matchAll(/`(\w+)`/g)].map(([, row]) => [row, date]),
    )
    const said = new Map(dates as [string, string][])
    const [, goals = ''] = /<!-- bench targets: (.*?) -->/.exec(readFileSync('bench/README.md', 'utf8')) ?? []
    const rows = goals.split(', ')
    expect(rows.map((row) => [row, said.get(row) ?? usual])).toEqual(rows.map((row) => [row, resultOf(row).date]))
  })
})
