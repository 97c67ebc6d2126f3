import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

/** Every source file of a folder, and what it imports. */
function sources(
  folder: string,
): readonly { readonly file: string; readonly text: string; readonly imports: string[] }[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = join(folder, name)
      const text = readFileSync(file, 'utf8')
      return {
        file,
        text,
        imports: [...text.matchAll(/^(?:import|export)\b(?:[^'`]*? from)? '([^']+)'/gm)].map(([, from = '']) => from),
      }
    })
}

const SURROUNDINGS = /\b(Date\.now|new Date|Math\.random|performance|process|Buffer|document|window|globalThis|fetch)\b/
/** What happens later, or elsewhere. */
const EFFECTS =
  /\b(Date|set(Timeout|Interval|Immediate)|queueMicrotask|localStorage|navigator|crypto|console|Promise|async)\b/

/** Without comments and texts. */
function codeOf(text: string): string {
  return text.replace(/\/\*\*.*?\*\/|\/\/.*$|'[^'\n]*'/gms, '')
}

describe.each(sources('shared'))('$file', ({ text, imports }) => {
  it('imports only its own folder and the types of Standard Schema', () => {
    expect(imports.filter((from) => !from.startsWith('./') && from !== '@standard-schema/spec')).toEqual([])
  })

  it('reads no clock, random source or global', () => {
    expect(codeOf(text)).not.toMatch(SURROUNDINGS)
  })
})

describe.each(sources('client'))('$file', ({ file, imports }) => {
  it('imports no server code, and frameworks only in their own file', () => {
    const isOwn = (from: string): boolean => /^\.\.?\/(?!server)|^\.\.\/\.\.\/shared\/|^socket\.io-client$/.test(from)
    expect(imports.filter((from) => !isOwn(from) && file !== `client/${from}.ts`)).toEqual([])
  })
})

describe.each(sources('client/core'))('$file', ({ text, imports }) => {
  it('imports no effects of the page', () => {
    const isPure = (from: string): boolean => /^\.\/|^\.\.\/ticket\.js$|^\.\.\/\.\.\/shared\//.test(from)
    expect(imports.filter((from) => !isPure(from))).toEqual([])
  })

  it('reads no clock, random source or global', () => {
    expect(codeOf(text)).not.toMatch(SURROUNDINGS)
    expect(codeOf(text)).not.toMatch(EFFECTS)
  })
})

describe.each(sources('server'))('$file', ({ file, imports }) => {
  it('imports Kysely only in the SQL store', () => {
    const needsKysely = imports.filter((from) => from === 'kysely' || from.includes('/sql/'))
    expect(file.startsWith('server/stores/sql/') ? [] : needsKysely).toEqual([])
  })

  it('imports nothing from the client', () => {
    expect(imports.filter((from) => from.includes('client'))).toEqual([])
  })
})
