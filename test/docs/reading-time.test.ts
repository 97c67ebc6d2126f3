import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

/** Words of prose, and lines of code, that a reader takes in per minute. */
const WORDS = 230
const LINES = 22

/** Returns the minutes that a page takes to read. A diagram is seen, not read. */
function minutesOf(page: string): number {
  const text = readFileSync(page, 'utf8')
  const code = [...text.matchAll(/^```(?!mermaid)\w+\n(.*?)^```$/gms)].flatMap(([, block = '']) => block.split('\n'))
  const prose = text.replace(/^```\w+\n.*?^```$/gms, '').replace(/\]\([^)]*\)/g, ']')
  const words = prose.split(/[\s|]+/).filter((word) => /\w/.test(word))
  return words.length / WORDS + code.filter((line) => line.trim() !== '').length / LINES
}

describe('docs/README.md', () => {
  it('promises five pages in 25 minutes, and keeps it', () => {
    const contents = readFileSync('docs/README.md', 'utf8')
    const pages = [...contents.matchAll(/^\d\. \[[^\]]+\]\(([\w-]+\.md)\)/gm)].map(([, page]) => `docs/${page}`)
    expect([pages.length, contents.includes('Five pages, 25 minutes')]).toEqual([5, true])
    const minutes = pages.map(minutesOf)
    expect(minutes.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(25)
  })
})
