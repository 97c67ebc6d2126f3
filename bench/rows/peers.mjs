// The bytes loaded by a page of other state libraries, with the same build as `sizes`.
import { bytesOf, kB } from '../harness/bundle.mjs'
import { packages } from '../harness/packages.mjs'
import { tableOfRows } from '../harness/table.mjs'

const VERSIONS = {
  tinybase: '10.0.1',
  '@tanstack/query-core': '5.108.0',
  '@tanstack/query-persist-client-core': '5.104.5',
  '@tanstack/query-async-storage-persister': '5.104.5',
  swr: '2.5.1',
  'better-auth': '1.7.25',
  yjs: '13.6.33',
  'y-websocket': '3.1.0',
  'y-indexeddb': '9.0.12',
}

const TINYBASE = `
  export { createMergeableStore } from 'tinybase/mergeable-store'
  export { createWsSynchronizer } from 'tinybase/synchronizers/synchronizer-ws-client'`
const TANSTACK = `
  export { QueryClient, QueryObserver, MutationObserver, onlineManager } from '@tanstack/query-core'
  export { persistQueryClient } from '@tanstack/query-persist-client-core'
  export { createAsyncStoragePersister } from '@tanstack/query-async-storage-persister'`
const YJS = `
  export { Doc } from 'yjs'
  export { WebsocketProvider } from 'y-websocket'`
const PEERS = {
  'TinyBase, mergeable store, WebSocket': TINYBASE,
  'and localStorage': `${TINYBASE}; export { createLocalPersister } from 'tinybase/persisters/persister-browser'`,
  'TanStack Query, persisted': TANSTACK,
  'SWR, without React': `export { default, mutate } from 'swr'; export { default as useSWRMutation } from 'swr/mutation'`,
  "better-auth's client": `export { createAuthClient } from 'better-auth/client'`,
  'Yjs, WebSocket': YJS,
  'and IndexedDB': `${YJS}; export { IndexeddbPersistence } from 'y-indexeddb'`,
}

export const peers = { title: 'What a page loads of other libraries', run: measure }

async function measure() {
  const folder = packages(VERSIONS)
  if (folder === undefined) return undefined
  const table = {}
  for (const [what, contents] of Object.entries(PEERS))
    table[what] = { kB: kB(await bytesOf(contents, folder, ['react'])) }
  return { tables: [tableOfRows('', table)] }
}
