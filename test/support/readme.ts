import { readFileSync } from 'node:fs'

/** A block of code of a page: the language it is marked with, and its text. */
interface Block {
  readonly language: string
  readonly text: string
}

/** Code that a reader may take over, and the file that its first line names. */
interface Snippet extends Block {
  readonly file: string | undefined
}

const LANGUAGES = new Set(['ts', 'tsx', 'vue', 'svelte', 'html'])

/** What the tests of this file have taken, to run it: `page file`. */
const taken = new Set<string>()

/** Every snippet of a page, in its order. */
export function snippetsOf(page: string): readonly Snippet[] {
  return blocks(readFileSync(page, 'utf8'))
    .filter(({ language }) => LANGUAGES.has(language))
    .map((block) => ({ ...block, file: fileOf(block.text) }))
}

/** The snippets of a page that the tests of this file have taken so far. */
export function takenOf(page: string): readonly string[] {
  return snippetsOf(page).flatMap(({ file }) => (file !== undefined && taken.has(`${page} ${file}`) ? [file] : []))
}

/** What a section of the README has its reader do: write a file, or run a command. */
type Step = { readonly file: string; readonly text: string } | { readonly command: string }

/** The snippet of a page that begins with a comment naming its file: taken, to be run. */
export function snippet(file: string, page = 'README.md'): string {
  const found = snippetsOf(page).find((one) => one.file === file)
  if (found === undefined) throw new Error(`${page} has no snippet ${file}`)
  taken.add(`${page} ${file}`)
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
function steps(title: string): readonly Step[] {
  const section = readme()
    .split(/^## /m)
    .find((text) => text.startsWith(`${title}\n`))
  if (section === undefined) throw new Error(`README.md has no section ${title}`)
  return blocks(section).flatMap(({ language, text }): Step[] => {
    const file = fileOf(text)
    if (file !== undefined) return [{ file, text: snippet(file) }]
    return language === 'sh' ? linesOf(text).map((command) => ({ command })) : []
  })
}

/** The files of the quick start, in their order. */
export function quickStartFiles(): readonly Extract<Step, { readonly file: string }>[] {
  return steps('Two ways for a page').flatMap((step) => ('file' in step ? [step] : []))
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
  return /^(?:\/\/|<!--) ([\w./-]+\.(?:tsx?|vue|svelte|html))\b/.exec(text)?.[1]
}
