import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'

/** What is told at one place of the source: its words, without what is put in. */
export interface Told {
  readonly file: string
  readonly text: string
}

/** Stands where a message has something put in. */
const HOLE = '\u2026'
const ERRORS = new Set(['TypeError', 'RangeError', 'PromiseRefused'])
const LOGS = /(^|[.#])(warn|console\.error)$/

/** Every mistake of a programmer, or of a deployment, that the package tells: `TypeError`s, and what goes to the log. */
export function messagesInSource(): readonly Told[] {
  return ['client', 'server', 'shared', 'testing'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => messagesIn(`${folder}/${file}`)),
  )
}

function messagesIn(file: string): readonly Told[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const constants = new Map<string, ts.Expression>()
  const told: Told[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.initializer) constants.set(node.name.getText(), node.initializer)
    const message = messageOf(node)
    const text = message === undefined ? '' : wordsOf(message, constants)
    if (text.replaceAll(HOLE, '').replace('koa-live-session:', '').trim() !== '') told.push({ file, text })
    node.forEachChild(visit)
  }
  visit(source)
  return told
}

function messageOf(node: ts.Node): ts.Expression | undefined {
  if (ts.isNewExpression(node) && ERRORS.has(node.expression.getText())) return node.arguments?.[0]
  if (ts.isCallExpression(node) && LOGS.test(node.expression.getText())) return node.arguments[0]
  return ts.isReturnStatement(node) && isDescription(node.parent.parent) ? node.expression : undefined
}

/** What makes the message for several places that tell it. */
function isDescription(node: ts.Node): boolean {
  return ts.isFunctionDeclaration(node) && /^describe[A-Z]/.test(node.name?.text ?? '')
}

function wordsOf(node: ts.Expression, constants: ReadonlyMap<string, ts.Expression>): string {
  const words = (part: ts.Expression): string => wordsOf(part, constants)
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node))
    return (
      node.head.text + node.templateSpans.map(({ expression, literal }) => words(expression) + literal.text).join('')
    )
  if (ts.isBinaryExpression(node)) return words(node.left) + words(node.right)
  if (ts.isParenthesizedExpression(node)) return words(node.expression)
  // What makes a message printable.
  if (ts.isCallExpression(node) && node.expression.getText() === 'printable') return node.arguments.map(words).join('')
  const constant = ts.isIdentifier(node) ? constants.get(node.text) : undefined
  return constant === undefined ? HOLE : words(constant)
}
