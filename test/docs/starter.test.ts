import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { snippetsOf } from '../support/docs/readme.js'

it('README shows the starter: its three files, word for word', () => {
  const shown = snippetsOf('README.md', 'Quick start').map(({ file, text }) => [file, text])
  const files = ['fields.ts', 'server.ts', 'page.ts']
  expect(shown).toEqual(files.map((file) => [file, readFileSync(`example/starter/${file}`, 'utf8')]))
})
