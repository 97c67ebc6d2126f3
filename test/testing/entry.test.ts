import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import * as node from 'koa-live-session/testing'
import * as browser from '../../testing/browser.js'
import * as nodeOnly from '../../testing/node-only.js'

async function bundle(entry: string, options: BuildOptions): Promise<Metafile> {
  const common: BuildOptions = { bundle: true, write: false, format: 'esm', logLevel: 'silent' }
  const { metafile } = await build({ ...common, ...options, entryPoints: [entry], metafile: true })
  return metafile
}

describe('koa-live-session/testing', () => {
  it('exports the same names in browsers and Node', () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort())
  })

  it('has an entry for browsers in package.json', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(Object.entries(exports['./testing'])).toEqual([
      ['types', './dist/testing/index.d.ts'],
      ['browser', './dist/testing/browser.js'],
      ['default', './dist/testing/index.js'],
    ])
  })

  it('imports neither Node nor packages in a browser', async () => {
    const { inputs, outputs } = await bundle('testing/browser.ts', { platform: 'browser' })
    expect(Object.values(outputs).flatMap(({ imports }) => imports)).toEqual([])
    expect(Object.keys(inputs).filter((file) => !/^(client|shared|testing|server\/exchange)\//.test(file))).toEqual([])
    await expect(bundle('testing/index.ts', { platform: 'browser' })).rejects.toThrow('Could not resolve')
  })

  it.each(Object.entries(nodeOnly))('explains that %s needs Node', (name, call) => {
    expect(call).toThrow(`koa-live-session: ${name}: expected Node, received the build for browsers`)
  })

  it.each([
    ['testing/index.ts', 'node'],
    ['testing/browser.ts', 'browser'],
  ] as const)('imports no test runner in %s', async (entry, platform) => {
    const { inputs } = await bundle(entry, { platform, packages: 'external' })
    const imports = Object.values(inputs).flatMap((input) => input.imports.map(({ path }) => path))
    expect(imports.filter((path) => /jest|vitest|mocha|node:test|chai/.test(path))).toEqual([])
  })
})
