// `node scripts/count.mjs [folder]...`: counts files and lines of each part of the repository, and the terms maintainers must know.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { weighRooms } from './rooms.mjs'

const HERE = fileURLToPath(new URL('..', import.meta.url))
const CODE = /\.(ts|tsx|mjs|vue|svelte)$/
const PARTS = {
  shared: ['shared'],
  client: ['client'],
  'client/core': ['client/core'],
  server: ['server'],
  testing: ['testing'],
  'library: all of these': ['shared', 'client', 'server', 'testing'],
  test: ['test'],
  'example, bench, scripts': ['example', 'bench', 'scripts'],
}

const folders = process.argv.length > 2 ? process.argv.slice(2) : [HERE]
const table = {}
for (const folder of folders) {
  for (const [what, count] of Object.entries(countAll(folder))) table[what] = { ...table[what], [folder]: count }
}
console.table(table)

function countAll(root) {
  const counts = Object.entries(PARTS).map(([what, names]) => {
    const files = names.flatMap((name) => filesOf(join(root, name), CODE))
    return [what, `${files.length} files, ${linesOf(files)} lines`]
  })
  const guides = [...filesOf(join(root, 'docs'), /\.md$/), join(root, 'README.md')].filter(
    (path) => !path.includes('/docs/api/'),
  )
  const architecture = readFileSync(join(root, 'docs/maintainers/architecture.md'), 'utf8')
  const [list] = architecture.slice(architecture.indexOf('\n## Words') + 1).split('\n## ')
  // The first two rows are the table's header.
  const words = [...list.matchAll(/^\|/gm)].length - 2
  return {
    ...Object.fromEntries(counts),
    ...Object.fromEntries(
      Object.entries(weighRooms(root)).map(([room, { lines, files }]) => [
        `room ${room}`,
        `${files} files, ${lines} lines of code`,
      ]),
    ),
    'docs, README': `${guides.length} files, ${linesOf(guides)} lines`,
    'words of docs/maintainers/architecture.md': String(words),
  }
}

function filesOf(folder, wanted) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && wanted.test(entry.name) && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name))
}

function linesOf(files) {
  return files.reduce((sum, path) => sum + readFileSync(path, 'utf8').split('\n').length - 1, 0)
}
