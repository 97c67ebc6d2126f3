import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

/** Pages for maintainers, who look things up in them. */
const LOOKED_UP = ['protocol.md', 'architecture.md', 'decisions.md']
const MOST = 30

const pages = [
  'README.md',
  ...readdirSync('docs')
    .filter((file) => file.endsWith('.md') && !LOOKED_UP.includes(file))
    .map((file) => `docs/${file}`),
]

/** Returns the sentences of a page: no code, tables or headings. */
function sentencesOf(page: string): readonly string[] {
  const prose = readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]+`/g, 'code')
    .replace(/\]\([^)]*\)/g, ']')
  const lines = prose.split('\n').filter((line) => !/^\s*[|#]/.test(line))
  return lines.flatMap((line) => line.split(/(?<=[.!?:]\**)\s+/))
}

describe('the guides', () => {
  it.each(pages)('have no sentence of more than 30 words: %s', (page) => {
    const long = sentencesOf(page).filter((text) => text.split(/\s+/).filter((word) => /\w/.test(word)).length > MOST)
    expect(long).toEqual([])
  })
})
