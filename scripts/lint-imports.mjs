// `npm run lint` checks the imports of the library, types included: no cycles, folders of the kernel import only those below, features
// (`server/parts`) not each other, and pure code neither clocks nor globals.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { sourceFiles } from './rooms.mjs'

const KERNEL = 'server/kernel/'
const PARTS = 'server/parts/'
/** The folders of the kernel, each above those before it. Its own files are above all. */
const FLOORS = 'names memory ends values cookie visitors remote exchange seams requests connections'.split(' ')
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
      (file.startsWith('server/stores/sql/') || !(to === 'kysely' || to.startsWith('server/stores/sql/'))),
    bans: [],
  },
  { folder: KERNEL, mayImport: (to, file) => !to.startsWith(PARTS) && floorOf(to) <= floorOf(file), bans: [] },
  {
    folder: PARTS,
    mayImport: (to, file) => !to.startsWith(PARTS) || to.split('/')[2] === file.split('/')[2],
    bans: [],
  },
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
for (const room of readdirSync(join(root, KERNEL)))
  if (!/\.ts$/.test(room) && !FLOORS.includes(room))
    fail(`${KERNEL}${room}: expected in FLOORS, above the folders that it imports`)
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

function floorOf(file) {
  if (!file.startsWith(KERNEL)) return -1
  const [room, inside] = file.slice(KERNEL.length).split('/')
  return inside === undefined ? FLOORS.length : FLOORS.indexOf(room)
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
