import { join, relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'
import type { Source } from './planting.js'

const ROOT = resolve(import.meta.dirname, '../..')

/** The simulation as one file for `node`, with a defect in the product where one is planted; says where it is. */
export async function bundle(name: string, planted?: Source): Promise<string> {
  const outfile = join(ROOT, '.cache/simulation', `${name}.mjs`)
  await build({
    entryPoints: [join(ROOT, 'test/simulation/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
    alias: {
      'koa-live-session': join(ROOT, 'server/index.ts'),
      'koa-live-session/fields': join(ROOT, 'shared/index.ts'),
      'koa-live-session/client': join(ROOT, 'client/index.ts'),
      'koa-live-session/testing': join(ROOT, 'testing/index.ts'),
    },
    plugins: planted ? [recording, planting(planted)] : [recording],
  })
  return outfile
}

/** What the core of each page gets is remembered on its way there. */
const recording: Plugin = {
  name: 'recording',
  setup: (builder) => {
    builder.onResolve({ filter: /core\/step\.js$/ }, ({ importer }) =>
      relative(ROOT, importer) === 'client/client.ts' ? { path: join(import.meta.dirname, 'recorder.ts') } : undefined,
    )
  },
}

function planting({ file, text }: Source): Plugin {
  return {
    name: 'planted defect',
    setup: (builder) => {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        relative(ROOT, path) === file ? { contents: text, loader: 'ts' } : undefined,
      )
    },
  }
}
