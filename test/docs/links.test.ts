import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const pages = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

/** A page without its code. */
const prose = (page: string): string =>
  readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]*`/g, '``')

/** The relative links of a page, with their targets. */
function linksOf(page: string): readonly { readonly link: string; readonly file: string; readonly anchor: string }[] {
  return [...prose(page).matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([link, path = '', anchor = '']) => ({
      link,
      file: path === '' ? page : normalize(join(dirname(page), path)),
      anchor,
    }),
  )
}

/** The anchors of a page's headings, numbered if repeated. */
function anchorsOf(page: string): readonly string[] {
  const anchors: string[] = []
  const text = readFileSync(page, 'utf8').replace(/^```.*?^```$/gms, '')
  for (const [, heading = ''] of text.matchAll(/^#+ (.+)$/gm)) {
    const words = heading.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = words.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
    const earlier = anchors.filter((other) => other.replace(/-\d+$/, '') === anchor).length
    anchors.push(earlier === 0 ? anchor : `${anchor}-${earlier}`)
  }
  return anchors
}

describe('the documents', () => {
  it.each(pages)('have working links: %s', (page) => {
    const broken = linksOf(page).filter(
      ({ file, anchor }) => !existsSync(file) || (anchor !== '' && !anchorsOf(file).includes(anchor)),
    )
    expect(broken.map(({ link }) => link)).toEqual([])
  })

  it('appear in the contents page', () => {
    const listed = new Set(linksOf('docs/README.md').map(({ file }) => file))
    expect(pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md' && !listed.has(page))).toEqual(
      [],
    )
  })
})
