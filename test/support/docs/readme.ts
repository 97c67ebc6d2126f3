import { readFileSync } from 'node:fs'

/** A code block of a page: its language and its text. */
interface Block {
  readonly language: string
  readonly text: string
}

/** Code for readers, and the file in its first line. */
interface Snippet extends Block {
  readonly file: string | undefined
}

const LANGUAGES = new Set(['js', 'ts', 'tsx', 'vue', 'svelte', 'html'])

export function snippetsOf(page: string): readonly Snippet[] {
  return blocks(readFileSync(page, 'utf8'))
    .filter(({ language }) => LANGUAGES.has(language))
    .map((block) => ({ ...block, file: fileOf(block.text) }))
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

export function textsOf(mark: string, page: string): readonly string[] {
  return blocks(readFileSync(page, 'utf8')).flatMap(({ language, text }) => (language === mark ? [text] : []))
}

/** Returns the commands of a page, or of a section of it, as a list. */
export function commands(page: string, title?: string): readonly string[] {
  const text = readFileSync(page, 'utf8')
  const part = title === undefined ? text : text.split(/^## /m).find((section) => section.startsWith(`${title}\n`))
  if (part === undefined) throw new Error(`${page} has no section ${title}`)
  return blocks(part).flatMap((block) => (block.language === 'sh' ? block.text.trimEnd().split(/\n| && /) : []))
}

function blocks(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }))
}

function fileOf(text: string): string | undefined {
  return /^(?:\/\/|<!--) ([\w./-]+\.(?:m?js|tsx?|vue|svelte|html|ejs))\b/.exec(text)?.[1]
}
