import { build } from 'esbuild'
import { socketAlias } from '../page/page-socket.js'
import { snippet } from './readme.js'

/** Bundles a document's snippet as a reader does, with more code appended. */
export async function bundledSnippet(file: string, page: string, more = ''): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: snippet(file, page) + more, loader: 'ts', resolveDir: '.' },
    bundle: true,
    format: 'esm',
    write: false,
    alias: socketAlias,
    plugins: [
      {
        name: 'files of the same document',
        setup(building) {
          building.onResolve({ filter: /^\.\/.*\.js$/ }, ({ path, importer, namespace }) => {
            if (importer !== '<stdin>' && namespace !== 'snippet') return undefined
            return { path: path.slice(2).replace(/\.js$/, '.ts'), namespace: 'snippet' }
          })
          building.onLoad({ filter: /./, namespace: 'snippet' }, ({ path }) => {
            return { contents: snippet(path, page), loader: 'ts', resolveDir: '.' }
          })
        },
      },
    ],
  })
  return outputFiles[0]?.text ?? ''
}
