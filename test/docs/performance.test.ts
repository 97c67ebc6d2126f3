import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { startWithUsers } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const PAGE = 'docs/performance.md'
const page = readFileSync(PAGE, 'utf8')
const goals = readFileSync('bench/README.md', 'utf8')

/** The cells of the row that begins so. */
function row(title: string): readonly string[] {
  const line = page.split('\n').find((text) => text.startsWith(`| ${title}`))
  if (line === undefined) throw new Error(`${PAGE} has no row ${title}`)
  return line.split('|').map((cell) => cell.trim())
}
const numberOf = (title: string): number => Number(row(title)[2]?.replaceAll(',', ''))

/** Bytes of the live cookie and its signature, as a request brings them. */
const bytes = ({ cookie }: Visitor): number =>
  cookie
    .split('; ')
    .filter((pair) => /^live(\.sig)?=/.test(pair))
    .join('; ').length

interface Result {
  readonly commit: string
  readonly tables: readonly { readonly columns: readonly string[]; readonly rows: readonly (readonly unknown[])[] }[]
  readonly goals: readonly { readonly verdict: string }[]
  readonly bars?: object
  readonly lines?: readonly object[]
}

/** The parts that the bench writes: which row, and what stands there. */
const parts = [...page.matchAll(/^<!-- bench (\w+) -->$(.*?)^<!-- end -->$/gms)].map(
  ([, name = '', shown = '']) => [name, shown] as const,
)

/** The cells of all rows of tables. */
const cellsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

describe(PAGE, () => {
  it('says how many bytes the cookie takes', async () => {
    const app = await startWithUsers()
    const guest = app.visitor()
    await guest.fetch('/set?values={"division":3}')
    expect(bytes(guest)).toBe(numberOf('a guest with one number'))
    await guest.fetch('/set?values={"theme":"dark"}')
    expect(bytes(guest) - numberOf('a guest with one number')).toBe(numberOf('a word besides'))

    const user = app.visitor()
    await user.fetch('/login/now?user=ann')
    await user.fetch('/set?values={"division":3}')
    expect(bytes(user)).toBe(numberOf('a user with that'))
  })

  it('says how large the parts for browsers may be', () => {
    const limits: { name: string; limit: string }[] = JSON.parse(readFileSync('.size-limit.json', 'utf8'))
    for (const [title, name] of [
      ['`koa-live-session/client`', 'client'],
      ['with `onFlash`', 'client and onFlash'],
      ['with `followAddress`', 'client and followAddress'],
      ['with `followHandOffs`', 'client and followHandOffs'],
      ['with `keepTab`', 'client and keepTab'],
      ['with all four', 'client and all its parts'],
      ['`koa-live-session/hook`', 'hook'],
      ['`koa-live-session/react`', 'react'],
      ['`koa-live-session/vue`', 'vue'],
    ] as const) {
      expect(limits.find((each) => each.name === name)?.limit).toBe(`${numberOf(title)} kB`)
    }
  })

  it('names the rows of the bench', () => {
    const bench = readFileSync('bench/run.mjs', 'utf8')
    const rows = [...bench.matchAll(/^const (?:targets|others) = \{([^}]*)\}$/gm)].flatMap(([, names = '']) =>
      names.split(',').map((name) => name.trim()),
    )
    const [, named = ''] = /# one row: (.*)$/m.exec(page) ?? []
    expect(named.split(', ')).toEqual(rows.filter((name) => name !== ''))
  })

  it.each(parts)('has of the row %s what the results say', (name, shown) => {
    const path = `bench/results/${name}.json`
    if (!existsSync(path)) return expect(shown).toContain('Not measured yet')
    const result: Result = JSON.parse(readFileSync(path, 'utf8'))
    const tables = result.tables.flatMap(({ columns, rows }) => [columns, columns.map(() => '---'), ...rows])
    expect(cellsOf(shown)).toEqual(tables.map((cells) => cells.map(String)))
    expect(shown).toContain(`commit ${result.commit}`)
    const plots = [...shown.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, file = '']) => file)
    expect(plots).toHaveLength((result.bars ? 1 : 0) + (result.lines?.length ?? 0))
    expect(plots.filter((file) => !existsSync(`docs/${file}`))).toEqual([])
  })

  it('has of the goals what the results say', () => {
    const [, names = '', shown = ''] = /^<!-- bench targets: ([\w, ]+) -->$(.*?)^<!-- end -->$/ms.exec(goals) ?? []
    const measured = names.split(', ').map((name): readonly string[] => {
      const path = `bench/results/${name}.json`
      if (!existsSync(path)) return ['not measured yet']
      const result: Result = JSON.parse(readFileSync(path, 'utf8'))
      return result.goals.map(({ verdict }) => verdict)
    })
    const [, , ...rows] = cellsOf(shown)
    expect(rows.map((cells) => cells.at(-1))).toEqual(measured.flat())
  })

  it('compares with the versions that the bench has', () => {
    const [, versions = ''] = /^const VERSIONS = \{([^}]*)\}/m.exec(readFileSync('bench/rows/peers.mjs', 'utf8')) ?? []
    const of = (name: string): string => new RegExp(`^  '?${name}'?: '(.*)',$`, 'm').exec(versions)?.[1] ?? 'none'
    for (const [title, name] of [
      ['TinyBase', 'tinybase'],
      ['TanStack Query', '@tanstack/query-core'],
      ['SWR', 'swr'],
      ['better-auth', 'better-auth'],
      ['Yjs', 'yjs'],
    ] as const)
      expect(page).toMatch(new RegExp(`^\\| ${title} ${of(name).replaceAll('.', '\\.')}\\b`, 'm'))

    const sessions = readFileSync('bench/rows/packages.mjs', 'utf8').matchAll(/^ {2}'?([\w-]+)'?: '([\d.]+)',$/gm)
    expect(page).toContain([...sessions].map(([, name, version]) => `${name} ${version}`).join(', '))
  })
})
