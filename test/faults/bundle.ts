import { basename, join } from 'node:path'
import { type BuildOptions, build, stop } from 'esbuild'

const root = process.cwd()
/** Packages loaded by the node from node_modules. */
const EXTERNAL = 'koa koa-session socket.io redis pg kysely zod @socket.io/* node-cache on-headers'.split(' ')

async function bundle(entry: string, options: BuildOptions): Promise<string> {
  const outfile = join(root, `.cache/faults/${process.pid}/${basename(entry, '.ts')}.mjs`)
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    format: 'esm',
    logLevel: 'warning',
    ...options,
  })
  await stop()
  return outfile
}

/** Bundles the node and, beside it, the script of its pages. Returns the path of the node's bundle. */
export async function bundleNode(): Promise<string> {
  await bundle('test/faults/page.ts', {
    alias: { 'koa-live-session/client': join(root, 'client/index.ts') },
    minify: true,
  })
  return bundle('test/faults/node.ts', {
    external: EXTERNAL,
    alias: {
      'koa-live-session': join(root, 'server/index.ts'),
      'koa-live-session/fields': join(root, 'shared/index.ts'),
      'koa-live-session/redis': join(root, 'server/store/redis.ts'),
      'koa-live-session/sql': join(root, 'server/store/sql/index.ts'),
    },
    platform: 'node',
    target: 'node20',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
}
