import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { commands, linesOf, quickStartFiles } from '../support/readme.js'

const FOLDER = 'example/starter'

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
}

const files = quickStartFiles()
const { dependencies, devDependencies, scripts } = manifest(FOLDER)

describe('the README', () => {
  it('has each command once', () => {
    const all = [...commands('Install'), ...commands('Quick start')]
    expect(all.filter((command, index) => all.indexOf(command) < index)).toEqual([])
  })

  it('is read in a few minutes: it has 160 lines at the most', () => {
    expect(readFileSync('README.md', 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(160)
  })

  it('has a whole app in 20 lines, imports and what only the second way has aside, and nine commands', () => {
    const isCode = (line: string): boolean => !/^(\/\/|import )/.test(line)
    const code = files.filter(({ file }) => file !== 'browser.ts').flatMap(({ text }) => linesOf(text).filter(isCode))
    expect(code).toHaveLength(20)
    expect(commands('Quick start')).toHaveLength(9)
  })
})

describe('the starter', () => {
  it('has the files of the quick start, and no other', () => {
    const sources = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'))
    expect(sources.sort()).toEqual(files.map(({ file }) => file).sort())
  })

  it.each(files)('has $file as the README has it', ({ file, text }) => {
    expect(readFileSync(`${FOLDER}/${file}`, 'utf8')).toBe(text)
  })

  it('installs what the quick start installs', () => {
    const packed = dependencies['koa-live-session']?.replace('file:', '') ?? ''
    const names = Object.keys(dependencies).map((name) => (name === 'koa-live-session' ? packed : name))
    const installed = commands('Quick start').flatMap((line) =>
      line.startsWith('npm install ') ? line.split(' ') : [],
    )
    expect(installed.filter((word) => !['npm', 'install', '--save-dev'].includes(word)).sort()).toEqual(
      [...names, ...Object.keys(devDependencies)].sort(),
    )
  })

  it('runs the commands of the quick start', () => {
    const last = commands('Quick start').slice(-3)
    expect([...(scripts['build']?.split(' && ') ?? []), scripts['start']]).toEqual(
      last.map((command) => command.replace(/^npx /, '')),
    )
  })

  it('takes the package of this version', () => {
    expect(dependencies['koa-live-session']).toContain(`-${manifest('.').version}.tgz`)
  })
})
