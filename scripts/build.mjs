// `npm run build`: compiles the library into dist. Leaves out comments in code, and declarations that no entry point reaches.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

rmSync('dist', { recursive: true, force: true })
// Keep the comments of declarations, because editors show them.
compile('--emitDeclarationOnly')
compile('--declaration', 'false', '--isolatedDeclarations', 'false', '--removeComments')

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
const reached = new Set(Object.values(exports).flatMap(({ types }) => (types ? [join(types)] : [])))
// A loop over a set also visits files added during the loop.
for (const file of reached) {
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles) {
    if (fileName.startsWith('.')) reached.add(join(dirname(file), fileName.replace(/\.js$/, '.d.ts')))
  }
}
for (const path of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
  const file = join('dist', path)
  if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file)
}

function compile(...options) {
  try {
    execFileSync('tsc', ['-p', 'tsconfig.build.json', ...options], { stdio: 'inherit' })
  } catch ({ status }) {
    process.exit(status ?? 1)
  }
}
