import { readFileSync } from 'node:fs'

/** A block of code of the README: the language it is marked with, and its text. */
interface Block {
  readonly language: string
  readonly text: string
}

/** What a section of the README has its reader do: write a file, or run a command. */
export type Step = { readonly file: string; readonly text: string } | { readonly command: string }

/** The TypeScript of a page that begins with a comment naming its file. */
export function snippet(file: string, page = 'README.md'): string {
  const found = blocks(readFileSync(page, 'utf8')).find(({ text }) => fileOf(text) === file)
  if (found === undefined) throw new Error(`${page} has no snippet ${file}`)
  return found.text
}

/** The words of the one block of a page that is marked so. */
export function wordsOf(mark: string, page: string): readonly string[] {
  const [found, ...others] = textsOf(mark, page)
  if (found === undefined || others.length > 0) throw new Error(`${page} has not one block ${mark}`)
  return found.trim().split(/\s+/)
}

/** The blocks of a page that are marked so, in its order. */
export function textsOf(mark: string, page: string): readonly string[] {
  return blocks(readFileSync(page, 'utf8')).flatMap(({ language, text }) => (language === mark ? [text] : []))
}

/** The files and commands of one section of the README, in its order. */
export function steps(title: string): readonly Step[] {
  const section = readme()
    .split(/^## /m)
    .find((text) => text.startsWith(`${title}\n`))
  if (section === undefined) throw new Error(`README.md has no section ${title}`)
  return blocks(section).flatMap(({ language, text }): Step[] => {
    const file = fileOf(text)
    if (file !== undefined) return [{ file, text }]
    return language === 'sh' ? linesOf(text).map((command) => ({ command })) : []
  })
}

/** The commands among the steps of a section. */
export function commands(title: string): readonly string[] {
  return steps(title).flatMap((step) => ('command' in step ? [step.command] : []))
}

export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '')
}

function readme(): string {
  return readFileSync('README.md', 'utf8')
}

function blocks(markdown: string): readonly Block[] {
  return [...markdown.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }))
}

/** The file that the comment in the first line of a snippet names. */
function fileOf(text: string): string | undefined {
  return /^\/\/ ([\w./-]+\.tsx?)\b/.exec(text)?.[1]
}

/** The first TypeScript below a heading of the README. */
export function snippetUnder(heading: string): string {
  const [, below = ''] = readFileSync('README.md', 'utf8').split(`\n### ${heading}\n`)
  const [, code] = /```ts\n(.*?)```/s.exec(below) ?? []
  if (code === undefined) throw new Error(`README.md has no snippet under ${heading}`)
  return code
}
