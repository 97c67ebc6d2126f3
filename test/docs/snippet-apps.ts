import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { compileScript, parse } from 'vue/compiler-sfc'
import { snippetsOf } from '../support/docs/readme.js'

/** The page whose fields apply to pages without fields of their own. */
const FIELDS_PAGE = 'docs/values.md'

/** Files known to readers, as `page/file`. */
const GIVEN = 'test/docs/given'

/** Continues the app of the README, whose files the starter has. */
const CONTINUATION = 'docs/getting-started.md'
const STARTER = ['fields.ts', 'server.ts', 'page.ts'].map(
  (file) => [file, readFileSync(join('example/starter', file), 'utf8')] as const,
)

/** A reader's files in a folder, by name. */
type Files = ReadonlyMap<string, string>

/** Writes the pages' snippets into a folder; returns the files of each program, which declares its fields once. */
export function writePrograms(folder: string, pages: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const common: string[] = []
  const programs = new Map<string, readonly string[]>([['the pages that share their fields', common]])
  for (const page of pages) {
    for (const [index, files] of appsOf(page).entries()) {
      const at = join(folder, `${basename(page, '.md')}-${index}`)
      const isCommon = page === FIELDS_PAGE || !declaresFields(files)
      const given = join(GIVEN, basename(page, '.md'))
      if (existsSync(given)) cpSync(given, at, { recursive: true })
      const known = existsSync(given) ? readdirSync(given).map((name) => join(at, name)) : []
      const written = [...known, ...write(at, isCommon && page !== FIELDS_PAGE ? withCommonFields(files) : files)]
      if (isCommon) common.push(...written)
      else programs.set(`${page}: ${[...files.keys()].join(', ')}`, written)
    }
  }
  return programs
}

/** Splits a page into apps; each declaration of fields begins an app. */
function appsOf(page: string): readonly Files[] {
  const apps = [new Map(page === CONTINUATION ? STARTER : [])]
  for (const { file, text, continued } of snippetsOf(page)) {
    const isNext = text.includes('interface Register') && declaresFields(apps.at(-1) ?? new Map())
    if (isNext) apps.push(new Map())
    const app = apps.at(-1)
    if (continued !== undefined) app?.set(continued, (app.get(continued) ?? '') + text)
    else if (file !== undefined) app?.set(file, text)
  }
  return apps.filter((files) => files.size > 0)
}

function declaresFields(files: Files): boolean {
  return [...files.values()].some((text) => text.includes('interface Register'))
}

function withCommonFields(files: Files): Files {
  return new Map([['fields.ts', `export { fields } from '../${basename(FIELDS_PAGE, '.md')}-0/fields.js'\n`], ...files])
}

function write(at: string, files: Files): readonly string[] {
  return [...files].flatMap(([name, text]) =>
    Object.entries(typed(name, text)).map(([file, code]) => {
      mkdirSync(dirname(join(at, file)), { recursive: true })
      writeFileSync(join(at, file), code)
      return join(at, file)
    }),
  )
}

/** Returns the compilable part of a snippet: for a component, its script and a declaration. */
function typed(file: string, text: string): Readonly<Record<string, string>> {
  if (file.endsWith('.vue')) {
    const { content } = compileScript(parse(text).descriptor, { id: file, inlineTemplate: true })
    return { [`${file}.ts`]: content, [declarationOf(file)]: componentOf('vue') }
  }
  if (file.endsWith('.svelte')) {
    const [, script = ''] = /<script lang="ts">(.*?)<\/script>/s.exec(text) ?? []
    return { [`${file}.ts`]: script, [declarationOf(file)]: componentOf('svelte') }
  }
  return /\.(html|ejs)$/.test(file) ? {} : { [file]: text }
}

function declarationOf(file: string): string {
  return file.replace(/\.(\w+)$/, '.d.$1.ts')
}

function componentOf(framework: string): string {
  return `import type { Component } from '${framework}'\ndeclare const component: Component\nexport default component\n`
}
