import { build } from 'esbuild'
import { snippet } from './readme.js'

/** A page's script, as a reader bundles the snippet of a document, with more of it below. */
export async function bundledSnippet(file: string, page: string, more = ''): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: snippet(file, page) + more, loader: 'ts', resolveDir: '.' },
    bundle: true,
    format: 'esm',
    write: false,
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
