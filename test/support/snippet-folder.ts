import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, jest } from '@jest/globals'
import { snippet, snippetsOf } from './readme.js'

/** The page whose fields apply to all pages that declare none. */
export const FIELDS_PAGE = 'docs/values.md'

/** The snippets of a page as files in one folder, for the tests of one file to import. If they listen, it is on a free port. */
export class SnippetFolder {
  readonly path: string
  /** Messages of `console.warn`. */
  readonly warnings: string[] = []
  readonly #page: string

  private constructor(page: string) {
    this.#page = page
    mkdirSync('.cache', { recursive: true })
    this.path = mkdtempSync(resolve('.cache/snippets-'))
    writeFileSync(join(this.path, 'package.json'), '{ "type": "module" }')
    const settings = { extends: resolve('tsconfig.json'), compilerOptions: { jsxImportSource: 'react' } }
    writeFileSync(join(this.path, 'tsconfig.json'), JSON.stringify(settings))
    this.#write('fields.ts', FIELDS_PAGE)
    for (const { file } of snippetsOf(page)) if (file !== undefined) this.#write(file, page)
  }

  /** Returns a folder that is written before the tests of this file, and removed after them. */
  static of(page: string): SnippetFolder {
    process.env['SECRET'] = 'a secret of at least thirty-two bytes'
    const folder = new SnippetFolder(page)
    beforeAll(() => {
      jest.spyOn(console, 'warn').mockImplementation((text: string) => void folder.warnings.push(text))
    })
    afterAll(() => rmSync(folder.path, { recursive: true, force: true }))
    return folder
  }

  /** Runs a snippet, and resolves with its exports. */
  async import(file: string): Promise<unknown> {
    this.take([join(this.path, file)])
    return import(join(this.path, file.replace(/\.tsx?$/, '')))
  }

  /** Notes that these files run, if they belong to the page. */
  take(paths: readonly string[]): void {
    for (const { file } of snippetsOf(this.#page))
      if (file !== undefined && paths.some((path) => resolve(path) === join(this.path, file))) snippet(file, this.#page)
  }

  #write(file: string, page: string): void {
    const at = join(this.path, file)
    const found = snippetsOf(page).find((one) => one.file === file)
    mkdirSync(dirname(at), { recursive: true })
    writeFileSync(at, found?.text.replace(/\b3000\b/g, '0') ?? '')
  }
}
