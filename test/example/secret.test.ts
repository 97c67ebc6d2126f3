import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { readSecret } from '../../example/server/secret.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secret-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const read = (): Promise<string> => readSecret(pathToFileURL(`${folder}/`))

it('readSecret() gives concurrent processes the same secret', async () => {
  const secrets = await Promise.all([read(), read(), read(), read()])
  expect(secrets[0]).toMatch(/^[\w-]{43}$/)
  expect(new Set(secrets)).toEqual(new Set([secrets[0]]))
  expect(readdirSync(folder)).toEqual(['secret'])
})
