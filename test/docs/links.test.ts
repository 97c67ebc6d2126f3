import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { brokenLinks, idsIn } from '../support/docs/links.js'

const NO_DOCUMENTS = new Set(['node_modules', '.cache', '.git', 'dist'])

/** Returns the paths of the Markdown files in a folder. */
function documentsIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return NO_DOCUMENTS.has(entry.name) ? [] : documentsIn(path)
    return path.endsWith('.md') ? [path] : []
  })
}

const REPOSITORY = { has: existsSync, read: (path: string) => readFileSync(path, 'utf8') }

describe('the links of a document', () => {
  it.each(documentsIn('.'))('lead to files and headings: %s', (path) => {
    expect(brokenLinks(readFileSync(path, 'utf8'), path, REPOSITORY)).toEqual([])
  })

  it.each([
    '[a](missing.md)',
    '![a](missing.webp)',
    '[a]: missing.md',
    '<img src="missing.webp">',
    '[a](README.md#no)',
  ])('are found if they lead nowhere: %s', (markdown) => {
    expect(brokenLinks(markdown, 'test.md', REPOSITORY)).toHaveLength(1)
  })

  it('count equal headings, as GitHub does', () => {
    expect([...idsIn('# `a` & [B](c.md)\n## c_d\n## c_d\n```\n# code\n```\n')]).toEqual(['a--b', 'c_d', 'c_d-1'])
  })
})
