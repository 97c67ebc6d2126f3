import { readFileSync } from 'node:fs'

/** A code block of a page: its language and its text. */
interface Block {
  readonly language: string
  readonly text: string
}

/** Code for readers, and the file in its first line. */
export interface Snippet extends Block {
  readonly file: string | undefined
  /** The file that the code continues, of `// a.ts: the last lines of b.ts`. */
  readonly continued: string | undefined
}

const LANGUAGES = new Set(['js', 'ts', 'tsx', 'vue', 'svelte', 'html'])

/** Returns the snippets of a page, or of a section of it. */
export function snippetsOf(page: string, title?: string): readonly Snippet[] {
  return blocksOf(page, title)
    .filter(({ language }) => LANGUAGES.has(language))
    .map((block) => ({ ...block, file: fileOf(block.text), continued: continuedBy(block.text) }))
}

/** Returns the snippet of a page whose first comment names this file. */
export function snippet(file: string, page = 'README.md'): string {
  const found = snippetsOf(page).find((one) => one.file === file)
  if (found === undefined) throw new Error(`${page} has no snippet ${file}`)
  return found.text
}

/** Returns the words of the only block of a page with this language. */
export function wordsOf(mark: string, page: string): readonly string[] {
  const [found, ...others] = textsOf(mark, page)
  if (found === undefined || others.length > 0) throw new Error(`${page} has not one block ${mark}`)
  return found.trim().split(/\s+/)
}

/** Returns the texts of the blocks with this language, of a page or of a section of it. */
export function textsOf(mark: string, page: string, title?: string): readonly string[] {
  return blocksOf(page, title).flatMap(({ language, text }) => (language === mark ? [text] : []))
}

/** Returns the commands of a page, or of a section of it, as a list. */
export function commands(page: string, title?: string): readonly string[] {
  return textsOf('sh', page, title).flatMap((text) => text.trimEnd().split(/\n| && /))
}

function blocksOf(page: string, title?: string): readonly Block[] {
  const text = readFileSync(page, 'utf8')
  const part = title === undefined ? text : text.split(/^## /m).find((section) => section.startsWith(`${title}\n`))
  if (part === undefined) throw new Error(`${page} has no section ${title}`)
  return [...part.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }))
}

function fileOf(text: string): string | undefined {
  return /^(?:\/\/|<!--) ([\w./-]+\.(?:m?js|tsx?|vue|svelte|html|ejs))\b/.exec(text)?.[1]
}

function continuedBy(text: string): string | undefined {
  return /^.*: the last lines of (\S+)$/m.exec(text)?.[1]
}
