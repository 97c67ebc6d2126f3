import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { expect, it } from '@jest/globals'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../..')
const FILES = ['client', 'server', 'shared', 'testing'].flatMap((folder) =>
  readdirSync(resolve(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => resolve(ROOT, folder, file)),
)

/** What a file imports of the library, types included. */
function importsOf(file: string): readonly string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
  const own = importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
  const named = own.map(({ fileName }) => resolve(dirname(file), fileName.replace(/\.js$/, '')))
  return FILES.filter((one) => named.includes(one.replace(/\.tsx?$/, '')))
}

/** A way that leads back to where it began, where there is one. */
function circleIn(imports: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const visit = (file: string, way: readonly string[]): readonly string[] => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return []
    done.add(file)
    for (const next of imports.get(file) ?? []) {
      const circle = visit(next, [...way, file])
      if (circle.length > 0) return circle
    }
    return []
  }
  for (const file of imports.keys()) {
    const circle = visit(file, [])
    if (circle.length > 0) return circle
  }
  return []
}

it('finds a circle', () => {
  const imports = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', []],
    ['d', ['b']],
  ])
  expect(circleIn(imports)).toEqual(['b', 'd', 'b'])
})

it('has no file that imports itself by way of others, be it for a type', () => {
  const imports = new Map(FILES.map((file) => [file, importsOf(file)]))
  expect([...imports.values()].flat().length).toBeGreaterThan(FILES.length)
  expect(circleIn(imports).map((file) => relative(ROOT, file))).toEqual([])
})
