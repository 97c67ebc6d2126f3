// Prints the test files that `npm run test:all` has to run after `npm test`: left-out files, files with a skipped or failed test, and files
// that read the scope of the run, as their counts differ.
// node .ci/remaining.mjs RESULTS: the JSON results of `npm test`. Reads the paths of all test files from standard input.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCOPE = fileURLToPath(new URL('../test/runner/scope.mjs', import.meta.url))
const IMPORT = /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g

const { testResults } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const complete = new Set(
  testResults
    .filter(
      ({ status, assertionResults: tests }) => status === 'passed' && tests.every((one) => one.status === 'passed'),
    )
    .map(({ name }) => name),
)
const all = readFileSync(0, 'utf8').split('\n').filter(existsSync)
const remaining = all.filter((file) => !complete.has(file) || readsScope(file))
if (all.length === 0 || remaining.length === 0) throw new Error('expected test files on standard input')
console.log(remaining.join('\n'))

function readsScope(file, seen = new Set()) {
  if (file === SCOPE) return true
  if (seen.has(file)) return false
  seen.add(file)
  return importsOf(file).some((imported) => readsScope(imported, seen))
}

function importsOf(file) {
  const paths = [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, path]) => join(dirname(file), path))
  return paths.flatMap((path) => {
    const found = [path, path.replace(/\.js$/, '.ts'), path.replace(/\.js$/, '.tsx')].find(isFile)
    return found ?? []
  })
}

function isFile(path) {
  return /\.\w+$/.test(path) && existsSync(path)
}
