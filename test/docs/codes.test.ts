import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { CODES } from '../../shared/code-table.js'
import { isTemporary, type LiveSessionErrorCode, STATUSES } from '../../shared/codes.js'
import { BarePage } from '../support/page/bare-page.js'

const codes = Object.keys(STATUSES) as LiveSessionErrorCode[]
const read = (file: string): string => readFileSync(file, 'utf8')
/** The rows of the first table with this head. */
const tableIn = (text: string, head: string): readonly string[] =>
  (text.split(`${head}\n`)[1] ?? '').split('\n\n')[0]?.split('\n').slice(1) ?? []

const statusesOf = (code: LiveSessionErrorCode): string =>
  [STATUSES[code], ...Object.entries(CODES[code].otherStatuses ?? {}).map(([status, of]) => `${status}: ${of}`)].join(
    '; ',
  )

describe('the table of codes', () => {
  it('is in the TSDoc comment of LiveSessionErrorCode', () => {
    const comment = read('shared/codes.ts')
      .replace(/^ \* ?/gm, '')
      .replace(/^ \*$/gm, '')
    const rows = codes.map((code) => `| \`${code}\` | ${STATUSES[code]} | ${CODES[code].meaning} |`)
    expect([...tableIn(comment, '| code | status | meaning |')].sort()).toEqual(rows.sort())
  })

  it('is in protocol.md, with all statuses', () => {
    const rows = codes.map((code) => `| \`${code}\` | ${statusesOf(code)} | ${CODES[code].page} |`)
    expect(tableIn(read('docs/maintainers/protocol.md'), '| code | status by POST | a page |')).toEqual(rows)
  })

  it.each(codes)('has the statuses that troubleshooting.md tells: %s', (code) => {
    const [, status = ''] = read('docs/troubleshooting.md').match(`### \`${code}\`\n\n(.*?)\\. `) ?? []
    const told = [...status.matchAll(/\d{3}\b/g)].map(Number)
    const all = [STATUSES[code], ...Object.keys(CODES[code].otherStatuses ?? {}).map(Number)]
    expect(told.sort()).toEqual(all.sort())
  })

  it.each(codes)('says whether a page retries: %s', (code) => {
    const page = BarePage.greeted()
    page.set('division', 3)
    page.refuse(code)
    const isRetried = CODES[code].page.startsWith('retries')
    expect([isTemporary(code), page.settled.length === 0]).toEqual([isRetried, isRetried])
  })
})
