// `npm run lint` checks the imports of the library, types included. It refuses cycles of files, imports against the order of `server/`, imports
// from one feature (`server/features`) to another, and clocks and globals in pure code. It ignores `import type { Core }`: the core creates
// all parts and hands itself to them, so that a part needs no import of another part.
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { sourceFiles } from './rooms.mjs'

const SERVER = 'server/'
const FEATURES = 'server/features/'
/** The types that apps see; each file may import them. They may import the types of features. */
const TYPES = 'server/types/'
/** The order of `server/`: a file may import from its own place and from those before. */
const ORDER = [
  ['subjects/'],
  ['settings/'],
  ['memory/'],
  ['values/'],
  ['cookie/'],
  ['identity/'],
  ['store/', 'nodes.ts'],
  ['exchange/'],
  ['feature.ts'],
  ['connections/', 'http/'],
  ['features/'],
  ['core.ts'],
].map((places) => places.map((place) => SERVER + place))
/** The one type that files may import without an order of folders, with `import type`. */
const CORE = 'server/core.ts'
const GLOBALS = /\b(Date\.now|new Date|Math\.random|performance|process|Buffer|document|window|globalThis|fetch)\b/
const EFFECTS =
  /\b(Date|set(Timeout|Interval|Immediate)|queueMicrotask|localStorage|navigator|crypto|console|Promise|async)\b/

/** By folder: whether its files may import a module, given by its path or, for a package, by its name; and words that they may not use. */
const RULES = [
  { folder: 'shared/', mayImport: (to) => to.startsWith('shared/') || to === '@standard-schema/spec', bans: [GLOBALS] },
  {
    folder: 'client/',
    mayImport: (to, file) => /^(client|shared)\/|^socket\.io-client$/.test(to) || file === `client/${to}.ts`,
    bans: [],
  },
  {
    folder: 'client/core/',
    mayImport: (to) => /^(client\/core|shared)\//.test(to),
    bans: [GLOBALS, EFFECTS],
  },
  {
    folder: SERVER,
    mayImport: (to, file) =>
      !to.startsWith('client/') &&
      (!to.startsWith(FEATURES) || file.startsWith(FEATURES) || roomOf(file) === file || file.startsWith(TYPES)) &&
      (!to.startsWith(SERVER) || to.startsWith(TYPES) || placeOf(to) <= placeOf(file)) &&
      (file.startsWith('server/store/sql/') || !(to === 'kysely' || to.startsWith('server/store/sql/'))),
    bans: [],
  },
  {
    folder: TYPES,
    mayImport: (to) => !to.startsWith(SERVER) || /^server\/(subjects|types)\/|\/types\.ts$/.test(to),
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
for (const graph of [imports, roomImports()]) {
  const cycle = findCycle(graph)
  if (cycle.length > 0) fail(`an import cycle: ${cycle.join(' -> ')}`)
}

/** Returns the modules that a file imports: paths of the library's files, and names of packages. */
function importsOf(file) {
  const text = readFileSync(join(root, file), 'utf8')
  const { importedFiles } = ts.preProcessFile(text)
  return importedFiles.flatMap(({ fileName, pos }) => {
    if (!fileName.startsWith('.')) return fileName
    const path = relative(root, resolve(root, dirname(file), fileName)).replace(/\.js$/, '')
    const found = files.find((other) => other.replace(/\.tsx?$/, '') === path) ?? path
    const isCoreType = found === CORE && text.slice(text.lastIndexOf('\n', pos) + 1, pos).startsWith('import type {')
    return isCoreType ? [] : found
  })
}

/** Returns a file's place in the order of `server/`; files without a place are above all others. */
function placeOf(file) {
  const place = ORDER.findIndex((places) => places.some((one) => file.startsWith(one)))
  return place < 0 ? ORDER.length : place
}

/** Returns the folder of a file within `server/`, or the file itself if it is beside the folders. */
function roomOf(file) {
  const [server, room, inside] = file.split('/')
  return inside === undefined ? file : `${server}/${room}/`
}

/** Returns the imports between the folders of `server/`; a file beside the folders counts as a folder. */
function roomImports() {
  const rooms = new Map()
  for (const file of files.filter((one) => one.startsWith(SERVER))) {
    const room = roomOf(file)
    const others = imports
      .get(file)
      .filter((to) => to.startsWith(SERVER) && roomOf(to) !== room && !to.startsWith(TYPES))
    rooms.set(room, [...(rooms.get(room) ?? []), ...others.map(roomOf)])
  }
  return rooms
}

/** Returns whether a feature's file may import a module: any module except those of another feature. */
function mayFeatureImport(to, file) {
  const [feature, inside] = to.slice(FEATURES.length).split('/')
  return !to.startsWith(FEATURES) || inside === undefined || file.startsWith(`${FEATURES}${feature}/`)
}

/** Returns the code of a file without comments and texts. */
function codeOf(file) {
  return readFileSync(join(root, file), 'utf8').replace(/\/\*\*.*?\*\/|\/\/.*$|'[^'\n]*'/gms, '')
}

function findCycle(graph) {
  const done = new Set()
  const visit = (node, way) => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node]
    if (done.has(node)) return []
    done.add(node)
    for (const next of graph.get(node) ?? []) {
      const found = visit(next, [...way, node])
      if (found.length > 0) return found
    }
    return []
  }
  for (const node of graph.keys()) {
    const found = visit(node, [])
    if (found.length > 0) return found
  }
  return []
}

function fail(message) {
  console.error(message)
  process.exitCode = 1
}
