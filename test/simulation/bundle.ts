import { readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { build, type Plugin } from 'esbuild'

/** A mistake to make on purpose: `find` stands exactly once in the file. */
export interface Defect {
  readonly name: string
  readonly file: string
  readonly find: string
  readonly replace: string
}

const ROOT = resolve(import.meta.dirname, '../..')

/** The simulation as one file for `node`, with a defect planted in the product where one is given; says where it is. */
export async function bundle(name: string, defect?: Defect): Promise<string> {
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
    plugins: [recording, planting(defect ? [defect] : [])],
  })
  return outfile
}

/** @throws {Error} where the text is not there exactly once: the product has moved on, and the defect with it */
export function plant(text: string, { name, file, find, replace }: Defect): string {
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`${name}: expected once in ${file}, found ${times} times: ${find}`)
  return text.replace(find, () => replace)
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

function planting(defects: readonly Defect[]): Plugin {
  return {
    name: 'planted defects',
    setup: (builder) => {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const isHere = ({ file }: Defect): boolean => relative(ROOT, path) === file
        return { contents: defects.filter(isHere).reduce(plant, readFileSync(path, 'utf8')), loader: 'ts' }
      })
    },
  }
}
