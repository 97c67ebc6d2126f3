import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { compile } from '../support/docs/compile.js'

const FOLDER = 'test/types/programs'

describe('the public types', () => {
  it.each(readdirSync(FOLDER))('accept and reject as declared in %s', (name) => {
    expect(compile([join(FOLDER, name)])).toEqual([])
  })
})
