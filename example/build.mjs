import { fileURLToPath } from 'node:url'
import { build, stop } from 'esbuild'
import { readSourceLines } from './source-lines.mjs'

const root = new URL('../', import.meta.url)
const path = (name) => fileURLToPath(new URL(name, root))

const isDevelopment = process.env.NODE_ENV === 'development'

/** Maps the package's own name to the source, so that no build is needed first. */
const alias = {
  'koa-live-session': path('server/index.ts'),
  'koa-live-session/fields': path('shared/index.ts'),
  'koa-live-session/client': path(`client/${isDevelopment ? 'development/' : ''}index.ts`),
  'koa-live-session/react': path('client/react.ts'),
  'koa-live-session/vue': path('client/vue.ts'),
  'koa-live-session/redis': path('server/store/redis.ts'),
  'koa-live-session/testing': path('testing/index.ts'),
  // Tests replace modules.
  ...JSON.parse(process.env.EXAMPLE_ALIAS ?? '{}'),
}

/**
 * Resolves packages to their installed paths, whatever the bundle's folder. Bundles only ECharts: its hundreds of files take half a second
 * to load, which would slow down a restart.
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

const shared = { bundle: true, alias, format: 'esm' }

/** Constants that a bundler defines for the frameworks; in development the frameworks log mistakes to the console, as our client does. */
const define = {
  'process.env.NODE_ENV': JSON.stringify(isDevelopment ? 'development' : 'production'),
  __VUE_OPTIONS_API__: 'false',
  __VUE_PROD_DEVTOOLS__: 'false',
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
}

/** Builds an example's server and its page's files into a folder. */
export async function buildInto(outdir, example) {
  const lines = await readSourceLines(root)
  await Promise.all([
    build({
      ...shared,
      entryPoints: [path(`${example}/server.ts`)],
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
      // Write all files into the same folder, wherever the sources are.
      entryPoints: [
        { in: path(`${example}/browser.ts`), out: 'browser' },
        { in: path(`${example}/style.css`), out: 'style' },
        { in: path('example/favicon.svg'), out: 'favicon' },
      ],
      outdir,
      platform: 'browser',
      target: 'es2022',
      loader: { '.svg': 'copy' },
      define: { ...define, SOURCE_LINES: JSON.stringify(lines) },
      minify: true,
    }),
  ])
  // Otherwise esbuild's process would run as long as ours.
  await stop()
}
