import { buildSync } from 'esbuild'
import { socketAlias } from './page-socket.js'

/** Returns the script of a page as a module, with the client from source. */
export function pageScript(contents: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents, resolveDir: process.cwd() },
    alias: { 'koa-live-session/client': './client/index.ts', ...socketAlias },
    bundle: true,
    write: false,
    format: 'esm',
  })
  return outputFiles[0]?.text ?? ''
}
