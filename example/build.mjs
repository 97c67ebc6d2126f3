import { fileURLToPath } from 'node:url'
import { build, stop } from 'esbuild'

const root = new URL('../', import.meta.url)
const path = (name) => fileURLToPath(new URL(name, root))

const isDevelopment = process.env.NODE_ENV === 'development'

/** The package by its own name, as its users import it, from source: nothing has to be built before. */
const alias = {
  'koa-live-session': path('server/index.ts'),
  'koa-live-session/fields': path('shared/index.ts'),
  'koa-live-session/client': path(`client/${isDevelopment ? 'development' : 'index'}.ts`),
  'koa-live-session/react': path('client/react.ts'),
  'koa-live-session/vue': path('client/vue.ts'),
  'koa-live-session/redis': path('server/stores/redis.ts'),
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

const shared = { bundle: true, alias, format: 'esm' }

/** What the frameworks ask a bundler for; in development they say in the console what is wrong, as our client does. */
const define = {
  'process.env.NODE_ENV': JSON.stringify(isDevelopment ? 'development' : 'production'),
  __VUE_OPTIONS_API__: 'false',
  __VUE_PROD_DEVTOOLS__: 'false',
  __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
}

/** Builds the server of an example, and what its page needs, into a folder. */
export async function buildInto(outdir, example) {
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
      // Side by side, whatever folders they come from.
      entryPoints: [
        { in: path(`${example}/browser.ts`), out: 'browser' },
        { in: path(`${example}/style.css`), out: 'style' },
        { in: path('example/favicon.svg'), out: 'favicon' },
      ],
      outdir,
      platform: 'browser',
      target: 'es2022',
      loader: { '.svg': 'copy' },
      define,
      minify: true,
    }),
  ])
  // Its process would stay for as long as ours.
  await stop()
}
