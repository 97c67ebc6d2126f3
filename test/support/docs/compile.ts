import ts from 'typescript'

/** Declarations and library sources, parsed once for all programs with the same options. */
const parsedOnce = new Map<string, ts.SourceFile>()

/** Returns the compiler's messages for some files with the strictest settings; each call is a separate program. */
export function compile(files: readonly string[], further: ts.CompilerOptions = {}): string[] {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  const options = { ...parsed.options, noEmit: true, noUnusedLocals: false, ...further }
  const program = ts.createProgram(files, options, hostOf(options))
  const sources = files.flatMap((file) => program.getSourceFile(file) ?? [])
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...sources.flatMap((source) => [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ]),
  ]
  return diagnostics.map(({ file: source, start = 0, messageText }) => {
    const line = source ? source.getLineAndCharacterOfPosition(start).line + 1 : 0
    return `${source?.fileName ?? ''}:${line} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
  })
}

function hostOf(options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const { jsxImportSource = '' } = options
  return {
    ...host,
    getSourceFile: (name, ...how) => {
      const key = `${jsxImportSource} ${name}`
      const known = parsedOnce.get(key)
      if (known) return known
      const source = host.getSourceFile(name, ...how)
      // Files written by a test may be rewritten.
      if (source && !name.includes('/.cache/')) parsedOnce.set(key, source)
      return source
    },
  }
}
