import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import ts from 'typescript'

/** A message in the source, without inserted values. */
interface Message {
  readonly file: string
  readonly text: string
}

/** Stands for an inserted value in a message. */
const HOLE = '\u2026'
const ERRORS = new Set(['TypeError', 'RangeError', 'PromiseRefused'])
const LOGS = /(^|[.#])(warn|console\.error)$/

/** Returns all messages about mistakes: `TypeError`s and logs. */
function messagesInSource(): readonly Message[] {
  return ['client', 'server', 'shared', 'testing'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => messagesIn(`${folder}/${file}`)),
  )
}

function messagesIn(file: string): readonly Message[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const constants = new Map<string, ts.Expression>()
  const messages: Message[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.initializer) constants.set(node.name.getText(), node.initializer)
    const message = messageOf(node)
    const text = message === undefined ? '' : wordsOf(message, constants)
    if (text.replaceAll(HOLE, '').replace('koa-live-session:', '').trim() !== '') messages.push({ file, text })
    node.forEachChild(visit)
  }
  visit(source)
  return messages
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
  if (ts.isCallExpression(node) && node.expression.getText() === 'printable') return node.arguments.map(words).join('')
  const constant = ts.isIdentifier(node) ? constants.get(node.text) : undefined
  return constant === undefined ? HOLE : words(constant)
}

/** Messages for contributors only. */
const INTERNAL = ['no key to sign with', 'expected a stamp, a safe integer']
/** A test that contains so many characters in a row covers the message. */
const ENOUGH = 24
/** Checks every fourth run only, to save seconds. */
const STEP = 4
/** Shorter parts only frame others. */
const FRAME = 12

/** The text of all tests, with concatenated strings joined. */
const TESTS = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.test\.tsx?$/.test(file))
  .map((file) => readFileSync(`test/${file}`, 'utf8'))
  .join('\n')
  .replace(/['`]\s*\+\s*['`]/g, '')
  .replaceAll("\\'", "'")
  .replaceAll('\\`', '`')

/** Returns whether a test contains part of the message. */
function isSeen({ text }: Message): boolean {
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

it('every message of the source appears in a test', () => {
  const messages = messagesInSource().filter(({ text }) => !INTERNAL.some((words) => text.includes(words)))
  expect(messages.length).toBeGreaterThan(100)
  expect(messages.filter((message) => !isSeen(message))).toEqual([])
})
