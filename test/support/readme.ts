import { readFileSync } from 'node:fs'

/** A code block of a page: its language and its text. */
interface Block {
  readonly language: string
  readonly text: string
}

/** Code that a reader may copy, and the file that its first line names. */
interface Snippet extends Block {
  readonly file: string | undefined
}

const LANGUAGES = new Set(['ts', 'tsx', 'vue', 'svelte', 'html'])

/** Snippets that the tests of this file have taken to run: `page file`. */
const taken = new Set<string>()

/** Returns every snippet of a page, in order. */
export function snippetsOf(page: string): readonly Snippet[] {
  return blocks(readFileSync(page, 'utf8'))
    .filter(({ language }) => LANGUAGES.has(language))
    .map((block) => ({ ...block, file: fileOf(block.text) }))
}

/** Returns the snippets of a page that the tests of this file have taken so far. */
export function takenOf(page: string): readonly string[] {
  return snippetsOf(page).flatMap(({ file }) => (file !== undefined && taken.has(`${page} ${file}`) ? [file] : []))
}

/** What a section of the README tells its reader to do: write a file, or run a command. */
type Step = { readonly file: string; readonly text: string } | { readonly command: string }

/** Returns the snippet of a page whose first comment names this file, and marks it as taken to be run. */
export function snippet(file: string, page = 'README.md'): string {
  const found = snippetsOf(page).find((one) => one.file === file)
  if (found === undefined) throw new Error(`${page} has no snippet ${file}`)
  taken.add(`${page} ${file}`)
  return found.text
}

/** Returns the words of the only block of a page with this language. */
export function wordsOf(mark: string, page: string): readonly string[] {
  const [found, ...others] = textsOf(mark, page)
  if (found === undefined || others.length > 0) throw new Error(`${page} has not one block ${mark}`)
  return found.trim().split(/\s+/)
}

/** Returns the blocks of a page with this language, in order. */
export function textsOf(mark: string, page: string): readonly string[] {
  return blocks(readFileSync(page, 'utf8')).flatMap(({ language, text }) => (language === mark ? [text] : []))
}

/** Returns the files and commands of a section of the README, in order. */
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

/** Returns the files of the quick start, in order. */
export function quickStartFiles(): readonly Extract<Step, { readonly file: string }>[] {
  return steps('Two ways for a page').flatMap((step) => ('file' in step ? [step] : []))
}

/** Returns the commands of a section. */
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

/** Returns the file named in the first line of a snippet. */
function fileOf(text: string): string | undefined {
  return /^(?:\/\/|<!--) ([\w./-]+\.(?:tsx?|vue|svelte|html))\b/.exec(text)?.[1]
}
