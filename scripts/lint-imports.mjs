// `npm run lint` checks the imports of the library, types included: no cycles, features (`server/features`) import not each other, and pure
// code neither clocks nor globals.
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { sourceFiles } from './rooms.mjs'

const FEATURES = 'server/features/'
const GLOBALS = /\b(Date\.now|new Date|Math\.random|performance|process|Buffer|document|window|globalThis|fetch)\b/
const EFFECTS =
  /\b(Date|set(Timeout|Interval|Immediate)|queueMicrotask|localStorage|navigator|crypto|console|Promise|async)\b/

/** Files of a folder; a module that they may import, by its path or, outside the library, by its name; words that they may not use. */
const RULES = [
  { folder: 'shared/', mayImport: (to) => to.startsWith('shared/') || to === '@standard-schema/spec', bans: [GLOBALS] },
  {
    folder: 'client/',
    mayImport: (to, file) => /^(client|shared)\/|^socket\.io-client$/.test(to) || file === `client/${to}.ts`,
    bans: [],
  },
  {
    folder: 'client/core/',
    mayImport: (to) => /^(client\/core|shared)\/|^client\/ticket\.ts$/.test(to),
    bans: [GLOBALS, EFFECTS],
  },
  {
    folder: 'server/',
    mayImport: (to, file) =>
      !to.startsWith('client/') &&
      (file.startsWith('server/store/sql/') || !(to === 'kysely' || to.startsWith('server/store/sql/'))),
    bans: [],
  },
  { folder: FEATURES, mayImport: mayFeatureImport, bans: [] },
]

const root = fileURLToPath(new URL('..', import.meta.url))
const files = sourceFiles(root)
const imports = new Map(files.map((file) => [file, importsOf(file)]))

for (const { folder, mayImport, bans } of RULES) {
  const concerned = files.filter((file) => file.startsWith(folder))
  if (concerned.length === 0) fail(`${folder}: expected files`)
  for (const file of concerned) {
    for (const to of imports.get(file)) if (!mayImport(to, file)) fail(`${file} may not import ${to}`)
    for (const ban of bans) if (ban.test(codeOf(file))) fail(`${file} may not use ${ban.exec(codeOf(file))[0]}`)
  }
}
const cycle = findCycle()
if (cycle.length > 0) fail(`an import cycle: ${cycle.join(' -> ')}`)

/** Returns the modules that a file imports: paths of the library's files, and names of packages. */
function importsOf(file) {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'))
  return importedFiles.map(({ fileName }) => {
    if (!fileName.startsWith('.')) return fileName
    const path = relative(root, resolve(root, dirname(file), fileName)).replace(/\.js$/, '')
    return files.find((other) => other.replace(/\.tsx?$/, '') === path) ?? path
  })
}

/** A feature imports no other feature, but the files that all of them share. */
function mayFeatureImport(to, file) {
  const [feature, inside] = to.slice(FEATURES.length).split('/')
  return !to.startsWith(FEATURES) || inside === undefined || file.startsWith(`${FEATURES}${feature}/`)
}

/** Returns the code of a file without comments and texts. */
function codeOf(file) {
  return readFileSync(join(root, file), 'utf8').replace(/\/\*\*.*?\*\/|\/\/.*$|'[^'\n]*'/gms, '')
}

function findCycle() {
  const done = new Set()
  const visit = (file, way) => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return []
    done.add(file)
    for (const next of imports.get(file) ?? []) {
      const found = visit(next, [...way, file])
      if (found.length > 0) return found
    }
    return []
  }
  for (const file of files) {
    const found = visit(file, [])
    if (found.length > 0) return found
  }
  return []
}

function fail(message) {
  console.error(message)
  process.exitCode = 1
}
