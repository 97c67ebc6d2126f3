// Checks the package's content, after `npm run build`: exactly the expected files, with nothing from the build machine, and no more kB than
// agreed. The package needs no source maps: the built files are the readable source without types and comments. All other documents are in
// the repository.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

// Messages and TSDoc name these pages.
const PAGES = ['docs/stores.md', 'docs/stores-reference.md', 'docs/troubleshooting.md']
const DOCUMENTS = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'package.json', ...PAGES]
const EXPECTED = [/^dist\/(client|server|shared|testing)\/[\w./-]+\.(js|d\.ts)$/]
/** Maximum size of the packed file, in kB. */
const LARGEST = 260

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
const [{ files, size }] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' }),
)
const packed = files.map(({ path }) => path)
const targets = Object.values(exports).flatMap((target) =>
  typeof target === 'string' ? [target] : Object.values(target),
)
const required = [...DOCUMENTS, ...targets.map((target) => target.replace('./', ''))]

const problems = [
  ...required.filter((path) => !packed.includes(path)).map((path) => `${path}: expected in the package`),
  ...packed.filter((path) => !isExpected(path)).map((path) => `${path}: not expected in the package`),
  ...packed
    .filter((path) => readFileSync(path, 'utf8').includes(`${process.cwd()}/`))
    .map((path) => `${path}: names this folder`),
  ...packed.filter((path) => path.startsWith('dist/')).flatMap(namesOfMissing),
  ...picturesWithoutText(readFileSync('README.md', 'utf8')),
  ...(size > LARGEST * 1000 ? [`the packed file has ${Math.ceil(size / 1000)} kB, more than ${LARGEST} kB`] : []),
]
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0

function isExpected(path) {
  return DOCUMENTS.includes(path) || EXPECTED.some((pattern) => pattern.test(path))
}

/** Returns the README's pictures without a text: the package contains no pictures, so its README must be clear without them. */
function picturesWithoutText(markdown) {
  return [...markdown.matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)].flatMap(([, text, path]) =>
    text === '' ? [`README.md: ${path}: expected a text that says what is seen`] : [],
  )
}

/** Returns the documents named by a built file but absent from the package. npm resolves the links of the README against the repository. */
function namesOfMissing(path) {
  const names = [...readFileSync(path, 'utf8').matchAll(/[\w./-]+\.md\b/g)].map(([name]) => name)
  return names
    .filter((name) => !DOCUMENTS.includes(name.replace('node_modules/koa-live-session/', '')))
    .map((name) => `${path}: names ${name}, which the package lacks`)
}
