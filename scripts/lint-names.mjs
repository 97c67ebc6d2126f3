// `npm run lint` refuses names of functions and members with a vague verb. Use the verb of the field, such as apply, accept,
// redeem, consume, send, notify, report or persist.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { sourceFiles } from './rooms.mjs'

const VAGUE = /^#?(take|tell|told|held|kept)(?![a-z])/
/** Public names. */
const PUBLIC = new Set(['takeFlash', 'takeHandOff'])

const root = fileURLToPath(new URL('..', import.meta.url))
const found = sourceFiles(root).flatMap((file) => {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true)
  return namesIn(source).flatMap((name) => {
    const { text } = name
    if (!VAGUE.test(text) || PUBLIC.has(text)) return []
    return `${file}:${source.getLineAndCharacterOfPosition(name.getStart(source)).line + 1}: ${text}: say what it does`
  })
})
for (const message of found) console.error(message)
if (found.length > 0) process.exit(1)

function namesIn(node) {
  const below = []
  node.forEachChild((child) => void below.push(...namesIn(child)))
  const isNamed =
    ts.isFunctionDeclaration(node) ||
    ts.isClassElement(node) ||
    ts.isTypeElement(node) ||
    (ts.isVariableDeclaration(node) && node.initializer && ts.isArrowFunction(node.initializer))
  return isNamed && node.name && (ts.isIdentifier(node.name) || ts.isPrivateIdentifier(node.name))
    ? [node.name, ...below]
    : below
}
