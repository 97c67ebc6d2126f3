import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const NO_DOCUMENTS = new Set(['node_modules', '.cache', '.git', 'dist'])

/** Returns the paths of the Markdown files in a folder. */
function documentsIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return NO_DOCUMENTS.has(entry.name) ? [] : documentsIn(path)
    return path.endsWith('.md') ? [path] : []
  })
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^ *(```|~~~).*?^ *\1$/gms, '')
}

/** Returns the ids that GitHub gives to the headings of a document. */
function idsIn(markdown: string): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const [, heading = ''] of withoutCode(markdown).matchAll(/^#{1,6} (.*)$/gm)) {
    const text = heading.replace(/\[(.*?)\]\(.*?\)/g, '$1').toLowerCase()
    const id = text.replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '').replaceAll(' ', '-')
    let count = 0
    while (ids.has(count === 0 ? id : `${id}-${count}`)) count += 1
    ids.add(count === 0 ? id : `${id}-${count}`)
  }
  return ids
}

/** Returns a document's links to files and headings of the repository. */
function linksIn(markdown: string): readonly string[] {
  const text = withoutCode(markdown).replace(/`[^`\n]*`/g, '')
  const links = text.matchAll(/\]\(<?([^)\s>]+)|^\[[^\]]+\]: <?([^\s>]+)|\b(?:href|src|srcset)="([^"]+)"/gm)
  return [...links].map((found) => found.slice(1).join('')).filter((link) => !/^(?:[a-z]+:|\/\/)/.test(link))
}

/** Returns the links of a document that lead nowhere. */
function brokenIn(markdown: string, path: string): readonly string[] {
  return linksIn(markdown).filter((link) => {
    const [file = '', id] = decodeURIComponent(link).split('#')
    const target = file === '' ? path : join(dirname(path), file)
    if (!existsSync(target)) return true
    return id !== undefined && target.endsWith('.md') && !idsIn(readFileSync(target, 'utf8')).has(id)
  })
}

describe('the links of a document', () => {
  it.each(documentsIn('.'))('lead to files and headings: %s', (path) => {
    expect(brokenIn(readFileSync(path, 'utf8'), path)).toEqual([])
  })

  it.each([
    '[a](missing.md)',
    '![a](missing.webp)',
    '[a]: missing.md',
    '<img src="missing.webp">',
    '[a](README.md#no)',
  ])('are found if they lead nowhere: %s', (markdown) => {
    expect(brokenIn(markdown, 'test.md')).toHaveLength(1)
  })

  it('count equal headings, as GitHub does', () => {
    expect([...idsIn('# `a` & [B](c.md)\n## c_d\n## c_d\n```\n# code\n```\n')]).toEqual(['a--b', 'c_d', 'c_d-1'])
  })
})
