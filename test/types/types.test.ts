import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { compile } from '../support/docs/compile.js'

const FOLDER = 'test/types/programs'

describe('the public types', () => {
  it.each(readdirSync(FOLDER))('of %s compile, and what must not compile does not', (name) => {
    expect(compile([join(FOLDER, name)])).toEqual([])
  })
})
