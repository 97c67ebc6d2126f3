// `npm publish` runs this first: the checks before a release that `.ci/run` does not make. The quick checks come first.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const { name, version, exports, peerDependencies, devDependencies } = manifest
/** Packages for compiling the types of the entry points. */
const COMPILER = ['typescript', '@types/koa', '@types/node', '@types/react']
const STRICT = '--noEmit --strict --skipLibCheck --target esnext --module nodenext --types node entries.ts'.split(' ')

const problems = [...problemsOfCommit(), ...problemsOfNotes(), ...problemsOfManifest(), ...problemsOfSecurity()]
if (problems.length > 0) {
  for (const problem of problems) console.error(problem)
  process.exit(1)
}
try {
  run('npm', ['run', '--silent', 'check:package'])
  checkInstalled()
  console.log(`${name} ${version} can be published`)
} catch ({ message }) {
  console.error(message)
  process.exitCode = 1
}

function problemsOfCommit() {
  const changed = output('git', ['status', '--porcelain'])
  const tags = output('git', ['tag', '--points-at', 'HEAD']).split('\n')
  return [
    ...(changed === '' ? [] : [`expected no changes that are not committed, received\n${changed}`]),
    ...(tags.includes(`v${version}`) ? [] : [`expected the tag v${version} on this commit: npm version makes it`]),
  ]
}

function problemsOfNotes() {
  const [unreleased = '', latest = ''] = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m).slice(1)
  const isMoved = unreleased.trim() === '[Unreleased]' && latest.startsWith(`[${version}] - `)
  return isMoved ? [] : [`CHANGELOG.md: expected nothing under [Unreleased], and ${version} with its date below it`]
}

/** Returns missing metadata, which only the publishers know. */
function problemsOfManifest() {
  const expected = {
    author: '',
    repository: ': npm resolves the pictures and links of README.md against it',
    homepage: '',
    bugs: ': where users report one',
  }
  const missing = Object.entries(expected).filter(([member]) => manifest[member] === undefined)
  return missing.map(([member, why]) => `package.json: expected ${member}${why}`)
}

function problemsOfSecurity() {
  const text = existsSync('SECURITY.md') ? readFileSync('SECURITY.md', 'utf8') : ''
  if (/[\w.+-]+@[\w-]+\.[\w.-]+|https:\/\/\S+/.test(text)) return []
  return ['SECURITY.md: expected an address, of mail or of a page, that only the maintainers read']
}

/** Installs the package as users do: from the packed file, in an empty folder, with its peer dependencies. */
function checkInstalled() {
  const folder = mkdtempSync(join(tmpdir(), 'release-'))
  try {
    const [{ filename }] = JSON.parse(
      output('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]),
    )
    const others = [...Object.keys(peerDependencies), ...COMPILER].map((other) => `${other}@${devDependencies[other]}`)
    const entries = Object.keys(exports)
      .filter((entry) => !entry.endsWith('.json'))
      .map((entry) => entry.replace('.', name))
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    run('npm', ['install', '--no-audit', '--no-fund', resolve(folder, filename), ...others], folder)
    const imports = entries.map((entry, at) => `import * as entry${at} from '${entry}'`)
    const use = imports.map((_, at) => `console.log(Object.keys(entry${at}).join(' '))`)
    for (const file of ['entries.js', 'entries.ts'])
      writeFileSync(join(folder, file), [...imports, ...use, ''].join('\n'))
    run('node', ['entries.js'], folder)
    run('npx', ['tsc', ...STRICT], folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function output(command, args) {
  return execFileSync(command, args, { encoding: 'utf8' }).trim()
}

function run(command, args, cwd = process.cwd()) {
  execFileSync(command, args, { cwd, stdio: 'inherit' })
}
