// Installs other libraries, in fixed versions, in a temporary folder of this process.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const FLAGS = ['--ignore-scripts', '--legacy-peer-deps', '--no-audit', '--no-fund', '--silent']
const installed = new Map()

/** Returns the folder of the packages, or undefined if npm cannot install them. @param versions by name */
export function packages(versions) {
  const names = Object.entries(versions)
    .map(([name, version]) => `${name}@${version}`)
    .join(' ')
  if (!installed.has(names)) installed.set(names, install(names.split(' ')))
  return installed.get(names)
}

function install(names) {
  const folder = mkdtempSync(join(tmpdir(), 'live-packages-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  try {
    execFileSync('npm', ['install', '--prefix', folder, ...FLAGS, ...names], { stdio: 'ignore' })
    return folder
  } catch {
    console.log(`left out: npm cannot install ${names.join(', ')}`)
    return undefined
  }
}
