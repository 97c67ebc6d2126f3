import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { type BuildOptions, build, type Metafile } from 'esbuild'
import * as node from 'koa-live-session/testing'
import * as browser from '../../testing/browser.js'
import * as nodeOnly from '../../testing/node-only.js'

/** What a bundle of an entry is made of. */
async function bundle(entry: string, options: BuildOptions): Promise<Metafile> {
  const common: BuildOptions = { bundle: true, write: false, format: 'esm', logLevel: 'silent' }
  const { metafile } = await build({ ...common, ...options, entryPoints: [entry], metafile: true })
  return metafile
}

describe('koa-live-session/testing', () => {
  it('has in a browser the same names as in Node', () => {
    expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort())
  })

  it('is the entry for browsers where a bundler asks for that', () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(Object.entries(exports['./testing'])).toEqual([
      ['types', './dist/testing/index.d.ts'],
      ['browser', './dist/testing/browser.js'],
      ['default', './dist/testing/index.js'],
    ])
  })

  it('needs neither Node nor any package in a browser', async () => {
    const { inputs, outputs } = await bundle('testing/browser.ts', { platform: 'browser' })
    expect(Object.values(outputs).flatMap(({ imports }) => imports)).toEqual([])
    expect(
      Object.keys(inputs).filter((file) => !/^(client|shared|testing|server\/kernel\/exchange)\//.test(file)),
    ).toEqual([])
    await expect(bundle('testing/index.ts', { platform: 'browser' })).rejects.toThrow('Could not resolve')
  })

  it.each(Object.entries(nodeOnly))('says of %s in a browser that it is for Node', (name, call) => {
    expect(call).toThrow(`koa-live-session: ${name}: expected Node, received what is for browsers`)
  })

  it.each([
    ['testing/index.ts', 'node'],
    ['testing/browser.ts', 'browser'],
  ] as const)('needs no test runner, as %s', async (entry, platform) => {
    const { inputs } = await bundle(entry, { platform, packages: 'external' })
    const imports = Object.values(inputs).flatMap((input) => input.imports.map(({ path }) => path))
    expect(imports.filter((path) => /jest|vitest|mocha|node:test|chai/.test(path))).toEqual([])
  })
})
