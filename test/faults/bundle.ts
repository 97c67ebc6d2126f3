import { basename, join } from 'node:path'
import { build, stop } from 'esbuild'

const root = process.cwd()
const outfileOf = (entry: string): string => join(root, `.cache/faults/${process.pid}/${basename(entry, '.ts')}.mjs`)

/** Builds the node of a fault run; answers where it is. */
export async function bundleNode(entry = 'test/faults/node.ts'): Promise<string> {
  const outfile = outfileOf(entry)
  await build({
    entryPoints: [join(root, entry)],
    outfile,
    bundle: true,
    // Found from the folder of what is built, which is in this one.
    external: [
      'koa',
      'koa-session',
      'socket.io',
      'redis',
      'pg',
      'kysely',
      'zod',
      '@socket.io/*',
      'node-cache',
      'on-headers',
    ],
    alias: {
      'koa-live-session': join(root, 'server/index.ts'),
      'koa-live-session/fields': join(root, 'shared/index.ts'),
      'koa-live-session/redis': join(root, 'server/stores/redis.ts'),
      'koa-live-session/sql': join(root, 'server/stores/sql/index.ts'),
    },
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  await stop()
  return outfile
}

/** Builds a page's script, beside the nodes. */
export async function bundlePage(entry: string): Promise<void> {
  await build({
    entryPoints: [join(root, entry)],
    outfile: outfileOf(entry),
    bundle: true,
    alias: { 'koa-live-session/client': join(root, 'client/index.ts') },
    format: 'esm',
    minify: true,
    logLevel: 'warning',
  })
  await stop()
}
