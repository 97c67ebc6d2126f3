import { readdirSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import ts from 'typescript'

const ROOT = resolve(import.meta.dirname, '../../..')
const FILES = ['client', 'server', 'shared', 'testing'].flatMap((folder) =>
  readdirSync(resolve(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => resolve(ROOT, folder, file)),
)

/** Returns the library's imports of each of its files, including types, by paths from the root. */
export function imports(): ReadonlyMap<string, readonly string[]> {
  return new Map(FILES.map((file) => [relative(ROOT, file), importsOf(file).map((one) => relative(ROOT, one))]))
}

function importsOf(file: string): readonly string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
  const own = importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
  const named = own.map(({ fileName }) => resolve(dirname(file), fileName.replace(/\.js$/, '')))
  return FILES.filter((one) => named.includes(one.replace(/\.tsx?$/, '')))
}
