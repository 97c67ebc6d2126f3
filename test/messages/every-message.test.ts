import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import ts from 'typescript'

/** A message at one place of the source: its words, without the inserted values. */
interface Told {
  readonly file: string
  readonly text: string
}

/** Stands for an inserted value in a message. */
const HOLE = '\u2026'
const ERRORS = new Set(['TypeError', 'RangeError', 'PromiseRefused'])
const LOGS = /(^|[.#])(warn|console\.error)$/

/** Returns every message about a programming or deployment mistake: `TypeError`s, and what is logged. */
function messagesInSource(): readonly Told[] {
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

/** Returns whether a function makes the message for several places. */
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
  // `printable` only escapes its argument.
  if (ts.isCallExpression(node) && node.expression.getText() === 'printable') return node.arguments.map(words).join('')
  const constant = ts.isIdentifier(node) ? constants.get(node.text) : undefined
  return constant === undefined ? HOLE : words(constant)
}

/** For those who change the package: no app can see them. */
const INTERNAL = ['no key to sign with', 'expected a stamp, a safe integer']
/** So many characters in a row show that a test has this message in mind; of a shorter message its longest part. */
const ENOUGH = 24
/** Not every run is looked for, which would take seconds. */
const STEP = 4
/** Shorter words frame others, which tests see in tables of their own. */
const FRAME = 12

/** All tests as one text, in which a string over several lines is whole. */
const TESTS = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.test\.tsx?$/.test(file))
  .map((file) => readFileSync(`test/${file}`, 'utf8'))
  .join('\n')
  .replace(/['`]\s*\+\s*['`]/g, '')
  .replaceAll("\\'", "'")
  .replaceAll('\\`', '`')

/** Returns whether a test has a run of words of the message. */
function isSeen({ text }: Told): boolean {
  const parts = text.replace(/^koa-live-session: /, '').split(HOLE)
  const length = Math.min(ENOUGH, Math.max(...parts.map((part) => part.length)))
  return (
    length < FRAME ||
    parts.some((part) => {
      const count = Math.max(0, Math.floor((part.length - length) / STEP) + 1)
      const runs = Array.from({ length: count }, (_, at) => part.slice(at * STEP, at * STEP + length))
      return runs.some((run) => TESTS.includes(run))
    })
  )
}

it('a test sees each message of the source', () => {
  const told = messagesInSource().filter(({ text }) => !INTERNAL.some((words) => text.includes(words)))
  expect(told.length).toBeGreaterThan(100)
  expect(told.filter((message) => !isSeen(message))).toEqual([])
})
