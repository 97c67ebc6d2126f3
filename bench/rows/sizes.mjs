// The bytes loaded by a page of this library, minified and gzipped, import by import; compared with an older build.
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bytesOf, kB } from '../harness/bundle.mjs'
import { tableOfRows } from '../harness/table.mjs'

const HERE = fileURLToPath(new URL('../..', import.meta.url))
const PARTS = ['onFlash', 'followAddress', 'followHandOffs']
const CLIENT = `export { createLiveSession } from './index.js'`
const SOCKET = `export { connect } from './socket.js'`
const all = (names) => `export { ${names.join(', ')} } from './index.js'`

const ENTRIES = {
  'client: createLiveSession': CLIENT,
  ...Object.fromEntries(PARTS.map((part) => [`and ${part}`, all(['createLiveSession', part])])),
  'and all parts': all(['createLiveSession', ...PARTS]),
  'client, development': `export { createLiveSession } from './development/index.js'`,
  'client and socket': `${CLIENT}; ${SOCKET}`,
  'client and socket.io-client': `${CLIENT}; export { io } from 'socket.io-client'`,
  hook: `export * from './hook.js'`,
  'hook and socket': `export * from './hook.js'; ${SOCKET}`,
  'hook and socket.io-client': `export * from './hook.js'; export { io } from 'socket.io-client'`,
  react: `export * from './react.js'`,
  vue: `export * from './vue.js'`,
}

export const sizes = { title: 'What a page loads', run: measure }

async function measure({ before }) {
  const folders = { ...(before && { before: resolve(before) }), now: HERE }
  const table = {}
  for (const [name, folder] of Object.entries(folders)) {
    const client = join(folder, 'dist/client')
    const exported = readFileSync(join(client, 'index.js'), 'utf8')
    // An older build may lack an import.
    const isThere = (contents) =>
      PARTS.every((part) => !contents.includes(part) || exported.includes(part)) &&
      [...contents.matchAll(/'(\.\/[^']+)'/g)].every(([, file]) => existsSync(join(client, file)))
    for (const [what, contents] of Object.entries(ENTRIES)) {
      if (!isThere(contents)) continue
      table[what] = { ...table[what], [`${name}, kB`]: kB(await bytesOf(contents, client, ['react', 'vue'])) }
    }
  }
  return { tables: [tableOfRows('minified, gzip', table)] }
}
