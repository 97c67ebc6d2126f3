import ts from 'typescript'

/** What the compiler says of a program with the strictest settings, each in a world of its own. */
export function compile(files: readonly string[], further: ts.CompilerOptions = {}): string[] {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  const program = ts.createProgram(files, { ...options, noEmit: true, noUnusedLocals: false, ...further })
  return ts.getPreEmitDiagnostics(program).map(({ file: source, start = 0, messageText }) => {
    const line = source ? source.getLineAndCharacterOfPosition(start).line + 1 : 0
    return `${source?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}
