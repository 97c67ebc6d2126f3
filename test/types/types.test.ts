import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import ts from 'typescript'

const FOLDER = 'test/types/programs'

/** What the compiler says of a program with the strictest settings, each in a world of its own. */
function compile(file: string): string[] {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  const program = ts.createProgram([file], { ...options, noEmit: true, noUnusedLocals: false })
  return ts.getPreEmitDiagnostics(program).map(({ file: source, start = 0, messageText }) => {
    const line = source ? source.getLineAndCharacterOfPosition(start).line + 1 : 0
    return `${source?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}

describe('the public types', () => {
  it.each(readdirSync(FOLDER))('of %s compile, and what must not compile does not', (name) => {
    expect(compile(join(FOLDER, name))).toEqual([])
  })
})
