import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

const PAGE = 'docs/architecture.md'
const ROOTS = ['client', 'server', 'shared', 'testing']
const page = readFileSync(PAGE, 'utf8')
const map = page.slice(page.indexOf('\n## Map'), page.indexOf('\n## How things flow'))
const quoted = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, quote = '']) => quote)

/** Each row of the map: a folder, and what is said of it. */
const rows = [...map.matchAll(/^\| `([\w/-]+)\/` +\|(.*)\|$/gm)].map(([, folder = '', words = '']) => ({
  folder,
  words,
}))
/** A noun in backticks is a file there; calls, types and texts have more than letters. */
const nouns = rows.flatMap(({ folder, words }) =>
  quoted(words)
    .filter((noun) => /^[a-z-]+(\/[a-z-]*)?$/.test(noun) && !noun.startsWith('koa-live-session'))
    .map((noun) => [folder, noun] as const),
)
const folders = ROOTS.flatMap((root) => [
  root,
  ...readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ parentPath, name }) => `${parentPath}/${name}`),
])

function isThere(path: string): boolean {
  return ['', '.ts', '.tsx'].some((ending) => existsSync(path + ending))
}

describe(PAGE, () => {
  it('has the folders that there are', () => {
    const named = rows.flatMap(({ folder, words }) => [
      folder,
      ...quoted(words).flatMap((noun) => (noun.endsWith('/') ? [`${folder}/${noun.slice(0, -1)}`] : [])),
    ])
    expect([...new Set(named)].sort()).toEqual([...folders].sort())
  })

  it('says of each folder what is in it', () => {
    expect(nouns.length).toBeGreaterThan(150)
    const isWrong = ([folder, noun]: readonly [string, string]): boolean =>
      ![`${folder}/${noun}`, `${folder}/../${noun}`].some(isThere)
    expect(nouns.filter(isWrong)).toEqual([])
  })

  it('names each file of the kernel and of the core of a page', () => {
    const files = folders
      .filter((folder) => /^(server\/kernel|client\/core)/.test(folder))
      .flatMap((folder) => readdirSync(folder).flatMap((name) => /^([\w-]+)\.ts$/.exec(name)?.[1] ?? []))
    expect(files.length).toBeGreaterThan(90)
    const named = new Set(quoted(map))
    expect(files.filter((file) => !named.has(file))).toEqual([])
  })

  it('names paths in its flows that there are', () => {
    const paths = quoted(page.slice(page.indexOf('\n## How things flow'))).filter((text) =>
      /^[\w-]+(\/[\w-]+)+$/.test(text),
    )
    expect(paths.length).toBeGreaterThan(10)
    expect(
      paths.filter((path) => !['', 'server/kernel/', 'server/parts/', 'client/'].some((root) => isThere(root + path))),
    ).toEqual([])
  })

  it('links to what there is', () => {
    const links = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = '']) => link)
    expect(links.filter((link) => !existsSync(`docs/${link}`))).toEqual([])
  })
})
