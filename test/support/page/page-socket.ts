import { resolve } from 'node:path'

/** Whether this project bundles pages with the small socket in place of socket.io-client. */
export const isSmall: boolean = Reflect.get(globalThis, 'PAGE_SOCKET') === 'small'

/** For esbuild: the module of the pages' socket. */
export const socketAlias: Readonly<Record<string, string>> = isSmall
  ? { 'socket.io-client': resolve('test/support/page/small-io.ts') }
  : {}
