import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { build } from 'esbuild'
import * as node from 'koa-live-session/testing'
import * as browser from '../../testing/browser.js'
import * as nodeOnly from '../../testing/node-only.js'

/** The files that a bundle of an entry has, and what it leaves to be there. */
async function bundle(
  entry: string,
): Promise<{ readonly files: readonly string[]; readonly others: readonly string[] }> {
  const { metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  })
  const others = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path))
  return { files: Object.keys(metafile.inputs), others }
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
    const { files, others } = await bundle('testing/browser.ts')
    expect(others).toEqual([])
    expect(files.filter((file) => !/^(client|shared|testing|server\/values)\//.test(file))).toEqual([])
    await expect(bundle('testing/index.ts')).rejects.toThrow('Could not resolve')
  })

  it.each(Object.entries(nodeOnly))('says of %s in a browser that it is for Node', (name, call) => {
    expect(call).toThrow(`koa-live-session: ${name}: expected Node`)
  })

  it.each([
    ['testing/index.ts', 'node'],
    ['testing/browser.ts', 'browser'],
  ] as const)('needs no test runner, as %s', async (entry, platform) => {
    const { metafile } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform,
      packages: 'external',
      logLevel: 'silent',
    })
    const imports = Object.values(metafile.inputs).flatMap((input) => input.imports.map(({ path }) => path))
    expect(imports.filter((path) => /jest|vitest|mocha|node:test|chai/.test(path))).toEqual([])
  })
})
