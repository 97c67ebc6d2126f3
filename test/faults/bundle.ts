import { join } from 'node:path'
import { build, stop } from 'esbuild'

const root = process.cwd()
const outfile = join(root, `.cache/faults/${process.pid}/node.mjs`)

/** Builds the node of the fault run; answers where it is. */
export async function bundleNode(): Promise<string> {
  await build({
    entryPoints: [join(root, 'test/faults/node.ts')],
    outfile,
    bundle: true,
    // Found from the folder of what is built, which is in this one.
    external: ['koa', 'koa-session', 'socket.io', 'redis', 'zod', '@socket.io/*', 'node-cache', 'on-headers'],
    alias: {
      'koa-live-session': join(root, 'server/index.ts'),
      'koa-live-session/fields': join(root, 'shared/index.ts'),
      'koa-live-session/redis': join(root, 'server/stores/redis.ts'),
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
