import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { commands, snippetsOf } from '../support/docs/readme.js'

const README = readFileSync('README.md', 'utf8').trimEnd()

interface Manifest {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

function manifest(folder: string): Manifest {
  return JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'))
}

describe('the README', () => {
  it('is read in a few minutes: it has 150 lines at the most', () => {
    expect(README.split('\n').length).toBeLessThanOrEqual(150)
  })

  it('has no line of code that a narrow window cuts off: 90 columns at the most', () => {
    const code = [...README.matchAll(/^```.*?^```$/gms)].flatMap(([block]) => block.split('\n'))
    expect(code.filter((line) => line.length > 90)).toEqual([])
  })

  it('says what, why and how before it says how to begin', () => {
    const titles = [...README.matchAll(/^## (.*)$/gm)].map(([, title]) => title)
    expect(titles.slice(0, 5)).toEqual(['Why', 'How', 'Try it', 'Quick start', 'Two ways for a page'])
    expect(snippetsOf('README.md').map(({ file }) => file)).toEqual([
      'fields.ts',
      'server.ts',
      'page.ts',
      'handlers.ts',
      'hook.ts',
    ])
  })

  it('begins with the two commands, and makes an app of the starter by six', () => {
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
  it('takes the package of this version', () => {
    expect(manifest('example/starter').dependencies['koa-live-session']).toContain(`-${manifest('.').version}.tgz`)
  })

  it('keeps its secret out of git', () => {
    expect(readFileSync('example/starter/.gitignore', 'utf8').split('\n')).toEqual(
      expect.arrayContaining(['.env', 'node_modules/', 'page.js']),
    )
  })

  it('says the same commands as the README', () => {
    const [, text = ''] = /^```sh\n(.*?)^```$/ms.exec(readFileSync('example/starter/README.md', 'utf8')) ?? []
    expect(text).toBe(/^```sh\n(npm ci && npm pack\n.*?)^```$/ms.exec(README)?.[1])
  })
})
