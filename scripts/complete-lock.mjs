// `npm run lock`: if the registry offers only this platform's builds of packages with binaries, npm writes only these into
// package-lock.json, and `npm ci` then refuses the file elsewhere ("Missing: … from lock file"). This script adds the missing entries.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = join(process.argv[2], 'package-lock.json')
const SYSTEMS = {
  aix: 'aix',
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  linuxmusl: 'linux',
  netbsd: 'netbsd',
  openbsd: 'openbsd',
  openharmony: 'openharmony',
  sunos: 'sunos',
  win32: 'win32',
}
const PROCESSORS = ['arm64', 'x64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64', 'mips64el', 'wasm32']

const lock = JSON.parse(readFileSync(FILE, 'utf8'))
const { packages } = lock

/** Returns whether Node would find the package from this folder. */
function isThere(folder, name) {
  for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    if (packages[`${at === '' ? '' : `${at}/`}node_modules/${name}`]) return true
    if (at === '') return false
  }
}

function entry(name, range, isDev) {
  const words = name.split(/[/-]/)
  const os = words.map((word) => SYSTEMS[word]).find(Boolean)
  const cpu = PROCESSORS.find((processor) => words.includes(processor)) ?? (words.some(isArm) ? 'arm' : undefined)
  return {
    version: range.replace(/^[\^~]/, ''),
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(isDev ? { dev: true } : {}),
    optional: true,
    ...(os ? { os: [os] } : {}),
  }
}

function isArm(word) {
  return word.startsWith('arm')
}

for (const [folder, { optionalDependencies = {}, dev }] of Object.entries({ ...packages })) {
  for (const [name, range] of Object.entries(optionalDependencies)) {
    if (isThere(folder, name)) continue
    // If the top level has another version of the package, nest this version below its dependent.
    const isNested = folder.split('node_modules/').length > 2 && packages[`node_modules/${name}`]
    packages[`${isNested ? `${folder}/` : ''}node_modules/${name}`] = entry(name, range, dev)
  }
}

lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`)
