import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import ts from 'typescript'

/** Names of what an attacker could find out byte by byte, were it compared byte by byte. */
const SECRET = /signature|\bsig\b|\bmac\b|hmac|digest|secret|\.sign\(/i
/** What signatures are called in keys.ts, where they are compared. */
const SIGNATURE = /signature|\bexpected\b|\breceived\b|^[ab]$|\bmac\b/
/** Names of what a comparison may ask of them: nothing of their bytes. */
const HARMLESS = /^!|\.(length|size)$|^(undefined|null|''|0|-?1)$|^typeof /
const COMPARING = /\.(equals|compare|includes|indexOf|startsWith|endsWith|localeCompare|is|search|match|test)$/
const OPERATORS = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.EqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsToken,
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.GreaterThanToken,
])

interface Found {
  /** Comparisons of secrets that take the longer, the more of them agrees. */
  readonly unsafe: string[]
  /** Calls of functions of that name, each with the function that it is in. */
  calls(name: string): readonly string[]
}

function inspectSource(text: string, secret = SECRET): Found {
  const source = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true)
  const unsafe: string[] = []
  const calls: { readonly name: string; readonly within: string }[] = []
  const isSecret = (node: ts.Expression): boolean => secret.test(node.getText()) && !HARMLESS.test(node.getText())
  const walk = (node: ts.Node, within: string): void => {
    const name = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) ? (node.name?.getText() ?? '') : within
    if (ts.isBinaryExpression(node) && OPERATORS.has(node.operatorToken.kind)) {
      const { left, right } = node
      const isHarmless = HARMLESS.test(left.getText()) || HARMLESS.test(right.getText())
      if (!isHarmless && (isSecret(left) || isSecret(right))) unsafe.push(node.getText())
    }
    if (ts.isCallExpression(node)) {
      const callee = node.expression.getText()
      calls.push({ name: callee, within: name })
      if (COMPARING.test(callee) && [node.expression, ...node.arguments].some(isSecret)) unsafe.push(node.getText())
    }
    ts.forEachChild(node, (child) => walk(child, name))
  }
  walk(source, '')
  return { unsafe, calls: (wanted) => calls.filter(({ name }) => name === wanted).map(({ within }) => within) }
}

const files = readdirSync('server', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ file: join('server', name), text: readFileSync(join('server', name), 'utf8') }))

describe('threat 25: timing of signatures', () => {
  it.each(files)('are never compared byte by byte in $file', ({ text }) => {
    expect(inspectSource(text).unsafe).toEqual([])
  })

  it('are not compared otherwise even beside the comparison in constant time', () => {
    expect(inspectSource(readFileSync('server/kernel/names/keys.ts', 'utf8'), SIGNATURE).unsafe).toEqual([])
    expect(inspectSource('const is = expected === received', SIGNATURE).unsafe).toEqual(['expected === received'])
  })

  it('are made in one place, and compared in one, in constant time', () => {
    const where = (name: string): string[] =>
      files.flatMap(({ file, text }) =>
        inspectSource(text)
          .calls(name)
          .map((within) => `${file} ${within}`),
      )
    expect(where('createHmac')).toEqual(['server/kernel/names/keys.ts mac'])
    expect(where('timingSafeEqual')).toEqual(['server/kernel/names/keys.ts isEqual'])
    expect(where('isEqual')).toEqual(['server/kernel/names/keys.ts index', 'server/kernel/names/keys.ts verify'])
    // Code that makes a signature hands it out, or to isEqual.
    expect(where('mac')).toEqual(
      ['sign', 'all', 'index', 'verify'].map((name) => `server/kernel/names/keys.ts ${name}`),
    )
  })

  it.each([
    ['mac(key, text) === signature'],
    ['signature !== expected'],
    ['Buffer.from(signature).equals(expected)'],
    ['expected.startsWith(signature)'],
    ['signatures.includes(signature)'],
    ['Object.is(signature, expected)'],
    ['this.#keys.sign(text) == received'],
    ['secret < guess'],
  ])('would be found out: %s', (code) => {
    expect(inspectSource(`const is = ${code}`).unsafe).toEqual([code])
  })
})
