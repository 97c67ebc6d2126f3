// Copies the built library, with a call of `globalThis.recordCall(file, function, isNamed)` at the start of each function.
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export function instrument(from, to) {
  rmSync(to, { recursive: true, force: true })
  cpSync(from, to, { recursive: true })
  for (const file of readdirSync(to, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.js')) continue
    const path = join(to, file)
    writeFileSync(path, withCalls(file, readFileSync(path, 'utf8')))
  }
}

function withCalls(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const insertions = []
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body) insertions.push(...callIn(node, file, source))
    ts.forEachChild(node, visit)
  }
  visit(source)
  insertions.sort((a, b) => b.at - a.at)
  return insertions.reduce((done, { at, code }) => done.slice(0, at) + code + done.slice(at), text)
}

function callIn(node, file, source) {
  const { body } = node
  const name = node.name ?? node.parent.name
  const id = `${name?.getText(source) ?? 'anonymous'}@${node.getStart(source)}`
  // An arrow function without a name belongs to the function around it, unless its body has braces.
  const isNamed = ts.isBlock(body) || name !== undefined
  const call = `globalThis.recordCall?.(${JSON.stringify(file)}, ${JSON.stringify(id)}, ${isNamed})`
  if (!ts.isBlock(body))
    return [
      { at: body.getStart(source), code: `(${call}, (` },
      { at: body.end, code: '))' },
    ]
  const [first] = body.statements
  const afterSuper = ts.isConstructorDeclaration(node) && first && /^super\(/.test(first.getText(source))
  return [{ at: afterSuper ? first.end : body.getStart(source) + 1, code: ` ;${call};` }]
}
