import { fileURLToPath } from 'node:url'
import { build, stop } from 'esbuild'

const root = new URL('../', import.meta.url)
const path = (name) => fileURLToPath(new URL(name, root))

/** The package by its own name, as its users import it, from source: nothing has to be built before. */
const alias = {
  'koa-live-session': path('server/index.ts'),
  'koa-live-session/fields': path('shared/index.ts'),
  'koa-live-session/client': path('client/index.ts'),
  'koa-live-session/testing': path('testing/index.ts'),
}

/**
 * Leaves packages where they are installed, whatever folder the bundle is in. ECharts alone is bundled: it is made of
 * hundreds of files, which take half a second to load, and a restart should not.
 */
const installed = {
  name: 'installed',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      const isBundled = kind === 'entry-point' || path in alias || /^(echarts|zrender|tslib)($|\/)/.test(path)
      return isBundled ? undefined : { path: import.meta.resolve(path), external: true }
    })
  },
}

const shared = { bundle: true, alias, format: 'esm', jsx: 'automatic', jsxImportSource: 'preact' }

/** Builds the server, and what the page needs, into a folder. */
export async function buildInto(outdir) {
  await Promise.all([
    build({
      ...shared,
      entryPoints: [path('example/server.ts')],
      outdir,
      outExtension: { '.js': '.mjs' },
      platform: 'node',
      target: 'node20',
      plugins: [installed],
      sourcemap: 'inline',
      sourcesContent: false,
    }),
    build({
      ...shared,
      entryPoints: [path('example/browser.ts'), path('example/style.css'), path('example/favicon.svg')],
      outdir,
      platform: 'browser',
      target: 'es2022',
      loader: { '.svg': 'copy' },
      minify: true,
    }),
  ])
  // Its process would stay for as long as ours.
  await stop()
}
