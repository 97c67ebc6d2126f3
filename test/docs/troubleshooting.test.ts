import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import { STATUSES } from '../../shared/codes.js'

const PAGE = 'docs/troubleshooting.md'
const sections = readFileSync(PAGE, 'utf8').match(/(?<=^### `)\w+(?=`$)/gm)

it.each(Object.keys(STATUSES))(`${PAGE} explains the code %s`, (code) => {
  expect(sections).toContain(code)
})
