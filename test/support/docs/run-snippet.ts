import { transformSync } from 'esbuild'
import { snippet } from './readme.js'

/** Runs a page's snippet as the body of a function, with its imports given by name, and returns its exports. */
export function runSnippet(file: string, page: string, given: object): Record<string, unknown> {
  const text = snippet(file, page)
  const names = [...text.matchAll(/^export (?:async )?(?:function|const) (\w+)/gm)].map(([, name]) => name)
  const body = text.replace(/^import .*$/gm, '').replace(/^export /gm, '')
  const { code } = transformSync(`function run() {\n${body}\nreturn { ${names.join(', ')} }\n}`, { loader: 'ts' })
  return new Function(...Object.keys(given), `${code}\nreturn run()`)(...Object.values(given))
}
