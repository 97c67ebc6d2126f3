// `npm run lint` checks that some test contains each message about a mistake, so that the words which a developer reads are tested.
import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'

/** Stands for an inserted value in a message. */
const HOLE = '\u2026'
const ERRORS = new Set(['TypeError', 'RangeError', 'PromiseRefused'])
const LOGS = /(^|[.#])(warn|console\.error)$/

/** Returns all messages about mistakes: `TypeError`s and logs. */
function messagesInSource() {
  return ['client', 'server', 'shared', 'testing'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => messagesIn(`${folder}/${file}`)),
  )
}

function messagesIn(file) {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const constants = new Map()
  const messages = []
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.initializer) constants.set(node.name.getText(), node.initializer)
    const message = messageOf(node)
    const text = message === undefined ? '' : wordsOf(message, constants)
    if (text.replaceAll(HOLE, '').replace('koa-live-session:', '').trim() !== '') messages.push({ file, text })
    node.forEachChild(visit)
  }
  visit(source)
  return messages
}

function messageOf(node) {
  if (ts.isNewExpression(node) && ERRORS.has(node.expression.getText())) return node.arguments?.[0]
  if (ts.isCallExpression(node) && LOGS.test(node.expression.getText())) return node.arguments[0]
  return ts.isReturnStatement(node) && isDescription(node.parent.parent) ? node.expression : undefined
}

/** Returns whether a function makes the message for several places. */
function isDescription(node) {
  return ts.isFunctionDeclaration(node) && /^describe[A-Z]/.test(node.name?.text ?? '')
}

function wordsOf(node, constants) {
  const words = (part) => wordsOf(part, constants)
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
/** A test covers a message if it contains this many characters of the message in a row. */
const ENOUGH = 24
/** Looks only for rows of characters that begin at every fourth character, to save seconds. */
const STEP = 4
/** If all parts of a message are shorter, it only frames inserted values, and needs no test. */
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
function isSeen({ text }) {
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

const messages = messagesInSource().filter(({ text }) => !INTERNAL.some((words) => text.includes(words)))
if (messages.length <= 100) throw new Error(`lint-messages found only ${messages.length} messages in the source`)
for (const message of messages) {
  if (isSeen(message)) continue
  console.error(`${message.file}: no test contains this message: ${message.text}`)
  process.exitCode = 1
}
