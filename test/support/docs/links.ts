import { posix } from 'node:path'

interface Link {
  readonly to: string
  readonly isPicture: boolean
}

/** The documents and other files that links may lead to. */
interface Library {
  readonly has: (path: string) => boolean
  readonly read: (path: string) => string
}

/** Returns the ids that GitHub gives to the headings of a document. */
export function idsIn(markdown: string): ReadonlySet<string> {
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

/** Returns a document's links that lead to no file or heading of the library. */
export function brokenLinks(markdown: string, path: string, { has, read }: Library): readonly Link[] {
  return linksIn(markdown).filter(({ to }) => {
    const [file = '', id] = decodeURIComponent(to).split('#')
    const target = file === '' ? path : posix.join(posix.dirname(path), file)
    if (!has(target)) return true
    return id !== undefined && target.endsWith('.md') && !idsIn(read(target)).has(id)
  })
}

/** Returns a document's relative links. */
function linksIn(markdown: string): readonly Link[] {
  const text = withoutCode(markdown).replace(/`[^`\n]*`/g, '')
  const links = text.matchAll(/(!\[[^\]]*)?\]\(<?([^)\s>]+)|^\[[^\]]+\]: <?([^\s>]+)|\b(?:href|src|srcset)="([^"]+)"/gm)
  return [...links]
    .map(([, picture, ...found]) => ({ to: found.join(''), isPicture: picture !== undefined }))
    .filter(({ to }) => !/^(?:[a-z]+:|\/\/)/.test(to))
}

function withoutCode(markdown: string): string {
  return markdown.replace(/^ *(```|~~~).*?^ *\1$/gms, '')
}
