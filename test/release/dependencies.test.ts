import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

describe('the package', () => {
  it('has exactly these dependencies', () => {
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
