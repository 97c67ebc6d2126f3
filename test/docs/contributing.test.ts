import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

const guide = readFileSync('CONTRIBUTING.md', 'utf8')
const { engines, scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly engines: { readonly node: string }
  readonly scripts: Readonly<Record<string, string>>
}
const found = (pattern: RegExp): readonly string[] => [
  ...new Set([...guide.matchAll(pattern)].flatMap(([, found]) => found ?? [])),
]

describe('CONTRIBUTING.md', () => {
  it.each(found(/npm run ([\w:]+)/g))('names an existing script: %s', (script) => {
    expect(Object.keys(scripts)).toContain(script)
  })

  it.each(found(/`((?:client|server|shared)\/[^`]+)`/g))('names an existing folder: %s', (path) => {
    expect(existsSync(path)).toBe(true)
  })

  it('names the oldest supported Node, as .nvmrc and CI do', () => {
    const oldest = engines.node.replace('>=', '')
    expect(guide).toContain(`Node ${oldest} or newer`)
    expect(readFileSync('.nvmrc', 'utf8').trim()).toBe(oldest)
    expect(readFileSync('.github/workflows/ci.yml', 'utf8')).toContain(`container: node:${oldest}-`)
  })
})
