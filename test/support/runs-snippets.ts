import { expect, it } from '@jest/globals'
import { snippetsOf, takenOf } from './readme.js'

/** Defines the last test of a page: those before it must have run these snippets, or all if none is named. */
export function itRunsSnippetsOf(page: string, ...files: readonly string[]): void {
  it(`has run ${files.length > 0 ? files.join(', ') : 'each snippet'} of ${page}`, () => {
    const all = snippetsOf(page).map(({ file }) => file)
    expect(takenOf(page)).toEqual(expect.arrayContaining(files.length > 0 ? [...files] : all))
  })
}
