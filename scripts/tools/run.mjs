// `node scripts/tools/run.mjs <command> [arguments]`: runs a tool of this folder's package.json in the project, and installs the tools
// before their first use. This keeps `npm ci` of the project itself quick.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const [command, ...given] = process.argv.slice(2)

function isInstalled() {
  const { dependencies } = readJson('package.json')
  return Object.entries(dependencies).every(([name, version]) => {
    const file = `node_modules/${name}/package.json`
    return existsSync(join(folder, file)) && readJson(file).version === version
  })
}

function readJson(file) {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'))
}

function run(program, args, options = {}) {
  const { status } = spawnSync(program, args, { stdio: 'inherit', ...options })
  return status ?? 1
}

const INSTALL = ['ci', '--silent', '--no-audit', '--no-fund']
const isReady = isInstalled() || run('npm', INSTALL, { cwd: folder }) === 0
process.exitCode = isReady ? run(join(folder, 'node_modules/.bin', command), given) : 1
