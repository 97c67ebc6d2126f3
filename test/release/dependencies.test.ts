import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

describe('an app that installs the package', () => {
  it('installs these with it, and no other: what a few lines do is no package', () => {
    const { dependencies }: { readonly dependencies: object } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(Object.keys(dependencies)).toEqual([
      '@koa/router',
      '@standard-schema/spec',
      'koa-session',
      'node-cache',
      'on-headers',
    ])
  })
})
