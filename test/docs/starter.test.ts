import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { commands } from '../support/docs/readme.js'

const README = readFileSync('README.md', 'utf8').trimEnd()

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
}

describe('the README', () => {
  it('has at most 150 lines', () => {
    expect(README.split('\n').length).toBeLessThanOrEqual(150)
  })

  it('begins with two commands, and starts an app with six', () => {
    expect(commands('README.md', 'Try it').map((command) => command.replace(/ *#.*/, ''))).toEqual([
      'npm ci',
      'npm start',
      'npm ci',
      'npm test',
    ])
    expect(commands('README.md', 'Quick start')).toHaveLength(6)
  })
})

describe('the starter', () => {
  it('depends on this version', () => {
    expect(manifest('example/starter').dependencies['koa-live-session']).toContain(`-${manifest('.').version}.tgz`)
  })

  it('ignores its secret in git', () => {
    expect(readFileSync('example/starter/.gitignore', 'utf8').split('\n')).toEqual(
      expect.arrayContaining(['.env', 'node_modules/', 'page.js']),
    )
  })

  it('repeats the commands of the README', () => {
    const [, text = ''] = /^```sh\n(.*?)^```$/ms.exec(readFileSync('example/starter/README.md', 'utf8')) ?? []
    expect(text).toBe(/^```sh\n(npm ci && npm pack\n.*?)^```$/ms.exec(README)?.[1])
  })
})
