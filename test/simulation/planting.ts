import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'

/** TypeScript's codes for an unknown name, and for an unknown property. */
const UNDECLARED: readonly number[] = [2304, 2339, 2551, 2552]
/** A replaced condition may narrow a type less. */
const NARROWED = /on type '(never|.* \| undefined)'/

/** A deliberate mistake, located by the replaced code, so other changes of the product do not matter. */
export interface Defect {
  readonly name: string
  /** The surrounding declaration, in any file: `readStore`, `Ends.retire`, `PLANS.retired`. */
  readonly at: string
  /**
   * An expression or statement that occurs once in `at`. Line breaks, comments and trailing commas are ignored, and `?.`
   * equals `.`. `epochs.retire(…)` is a call with any arguments, also as `this.#core.epochs.retire(name, user)`.
   */
  readonly find: string
  /** Its replacement: `undefined` leaves out a call. */
  readonly replace: string
  /**
   * Set if only tests notice the defect within 10,000 schedules: the simulation closes a departed visitor's connections before their
   * handlers run again, and sends a single message in each turn.
   */
  readonly noticedBy?: 'tests'
}

export function readDefects(): readonly Defect[] {
  const lines = readFileSync(join(import.meta.dirname, 'defects.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line) => JSON.parse(line))
}

export interface Source {
  readonly file: string
  readonly text: string
}

/** The product's declarations by name; a method's name follows its class's. Two files may declare the same name. */
export type Product = ReadonlyMap<string, readonly ts.Node[]>

const ROOT = resolve(import.meta.dirname, '../..')

export function readProduct(): Product {
  const files = ['client', 'server', 'shared', 'testing'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  const sources = files.filter((file) => file.endsWith('.ts'))
  return productOf(sources.map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') })))
}

export function productOf(sources: readonly Source[]): Product {
  const product = new Map<string, ts.Node[]>()
  const visit = (node: ts.Node, around: readonly string[]): void => {
    const name = nameOf(node)
    const names = name === undefined ? around : [...around, name]
    const path = names.join('.')
    if (name !== undefined) product.set(path, [...(product.get(path) ?? []), node])
    node.forEachChild((child) => visit(child, names))
  }
  for (const { file, text } of sources) visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true), [])
  return product
}

/** @throws {Error} if the code does not occur exactly once: the product has changed, so the defect must change */
export function plant(defect: Defect, product: Product): Source {
  const node = findDefect(defect, product)
  const { fileName, text } = node.getSourceFile()
  return { file: fileName, text: text.slice(0, node.getStart()) + defect.replace + text.slice(node.end) }
}

/**
 * Returns the files of the product, where each function that has a defect calls `globalThis.reach?.(index)` first.
 * `everywhere`: indexes of the defects outside functions, which run when their file is loaded.
 */
export function probe(defects: readonly Defect[], product: Product): { sources: Source[]; everywhere: number[] } {
  const insertions = new Map<ts.SourceFile, { at: number; text: string }[]>()
  const everywhere: number[] = []
  for (const [index, defect] of defects.entries()) {
    const node = findDefect(defect, product)
    const body = bodyAround(node)
    if (!body) everywhere.push(index)
    else {
      const call = `globalThis.reach?.(${index})`
      const file = node.getSourceFile()
      const inserted = ts.isBlock(body)
        ? [{ at: body.getStart() + 1, text: ` ${call};` }]
        : [
            { at: body.getStart(), text: `(${call}, ` },
            { at: body.end, text: ')' },
          ]
      insertions.set(file, [...(insertions.get(file) ?? []), ...inserted])
    }
  }
  const sources = [...insertions].map(([{ fileName, text }, inserted]) => {
    const ordered = inserted.toSorted((a, b) => b.at - a.at)
    return {
      file: fileName,
      text: ordered.reduce((done, { at, text: added }) => done.slice(0, at) + added + done.slice(at), text),
    }
  })
  return { sources, everywhere }
}

function findDefect({ name, at, find }: Defect, product: Product): ts.Node {
  const places = product.get(at)
  if (!places) throw new Error(`${name}: nothing is called ${at}, where this is expected: ${find}`)
  const found = places.flatMap((place) => findIn(place, tokensOf(find)))
  const [node] = found
  if (!node || found.length > 1)
    throw new Error(`${name}: expected once in ${at}, found ${found.length} times: ${find}`)
  return node
}

/** Returns the body of the innermost function around a node. */
function bodyAround(node: ts.Node): ts.ConciseBody | undefined {
  for (let around = node.parent; around; around = around.parent)
    if (ts.isFunctionLike(around) && 'body' in around && around.body) {
      const { body } = around
      if (body.pos <= node.pos) return body
    }
  return undefined
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isClassElement(node) ||
    ts.isVariableDeclaration(node) ||
    ts.isPropertyAssignment(node)
  return isNamed ? node.name?.getText().replaceAll("'", '') : undefined
}

function findIn(place: ts.Node, wanted: string): readonly ts.Node[] {
  // By position, because an expression statement is found both as an expression and as a statement.
  const found = new Map<string, ts.Node>()
  const visit = (node: ts.Node): void => {
    if (isSpelt(node, wanted)) found.set(`${node.getStart()}-${node.end}`, node)
    node.forEachChild(visit)
  }
  visit(place)
  return [...found.values()]
}

function isSpelt(node: ts.Node, wanted: string): boolean {
  const isCall = ts.isCallExpression(node) && ` ${tokensOf(node.expression.getText())} ( … )`.endsWith(` ${wanted}`)
  return isCall || tokensOf(node.getText()) === wanted
}

function tokensOf(code: string): string {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, code)
  const tokens: string[] = []
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) tokens.push(scanner.getTokenText())
  return tokens
    .join(' ')
    .replace(/ ,(?= [)\]}])/g, '')
    .replaceAll(' ?. ', ' . ')
}

/** Returns the names in a planted defect that nothing declares: such code throws, which any test would notice. */
export function undeclaredIn(planted: readonly Source[]): readonly string[] {
  const { options, fileNames } = ts.parseJsonConfigFileContent(
    ts.readConfigFile('tsconfig.json', ts.sys.readFile).config,
    ts.sys,
    '.',
  )
  const versions = new Map<string, readonly [count: number, text: string]>()
  const service = ts.createLanguageService({
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    getCompilationSettings: () => options,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    getCurrentDirectory: () => resolve(),
    getScriptFileNames: () => fileNames,
    getScriptVersion: (file) => String(versions.get(file)?.[0] ?? 0),
    getScriptSnapshot: (file) => ts.ScriptSnapshot.fromString(versions.get(file)?.[1] ?? readFileSync(file, 'utf8')),
  })
  return planted.flatMap(({ file, text }, index) => {
    const path = resolve(file)
    versions.set(path, [2 * index + 1, text])
    const found = service.getSemanticDiagnostics(path).filter(({ code }) => UNDECLARED.includes(code))
    versions.set(path, [2 * index + 2, readFileSync(path, 'utf8')])
    const messages = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
    return messages.flatMap((message) => (NARROWED.test(message) ? [] : `${file}: ${message}`))
  })
}
