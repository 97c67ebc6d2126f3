import { fileURLToPath } from 'node:url'
import { build, stop } from 'esbuild'

const path = (name) => fileURLToPath(new URL(`../../../${name}`, import.meta.url))

const alias = {
  'koa-live-session': path('server/index.ts'),
  'koa-live-session/fields': path('shared/index.ts'),
  'koa-live-session/client': path('client/index.ts'),
}

/** The page's scripts, with either socket. */
const SOCKETS = { page: {}, 'small-page': { 'socket.io-client': path('test/support/page/small-io.ts') } }

/** Bundles the site of the browser tests into a folder. The server's bundle includes its packages, to start faster. */
export async function buildSite(outdir) {
  const shared = { bundle: true, alias, outdir, logLevel: 'warning', minify: true }
  await Promise.all([
    build({
      ...shared,
      entryPoints: [path('test/browser/site/server.ts')],
      outExtension: { '.js': '.cjs' },
      platform: 'node',
      format: 'cjs',
      target: 'node20',
    }),
    ...Object.entries(SOCKETS).map(([out, socket]) =>
      build({
        ...shared,
        entryPoints: [{ in: path('test/browser/site/page.ts'), out }],
        alias: { ...alias, ...socket },
        format: 'esm',
        target: 'es2022',
      }),
    ),
  ])
  // esbuild's process would live as long as this process.
  await stop()
}
