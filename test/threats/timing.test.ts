/**
 * Loads modules of its own, because V8 counts the steps of loops only in code compiled during the test.
 *
 * @jest-environment node
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import ts from 'typescript'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { SessionApp } from '../support/app/sessions.js'
import { DAY } from '../support/app/times.js'
import { turn } from '../support/app/within.js'
import { workOf } from '../support/app/work.js'

/** Names of secrets in the code. */
const SECRET = /signature|\bsig\b|\bmac\b|hmac|digest|secret|\.sign\(/i

/** Names of signatures in keys.ts. */
const SIGNATURE = /signature|\bexpected\b|\breceived\b|^[ab]$|\bmac\b/

/** Operands revealing no bytes. */
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

/** Returns the expressions comparing secrets byte by byte. */
function unsafeIn(text: string, secret = SECRET): string[] {
  if (!secret.test(text)) return []
  const unsafe: string[] = []
  const isSecret = (node: ts.Expression): boolean => secret.test(node.getText()) && !HARMLESS.test(node.getText())
  const walk = (node: ts.Node): void => {
    if (ts.isBinaryExpression(node) && OPERATORS.has(node.operatorToken.kind)) {
      const sides = [node.left, node.right]
      if (!sides.some((side) => HARMLESS.test(side.getText())) && sides.some(isSecret)) unsafe.push(node.getText())
    }
    if (ts.isCallExpression(node) && COMPARING.test(node.expression.getText())) {
      if ([node.expression, ...node.arguments].some(isSecret)) unsafe.push(node.getText())
    }
    ts.forEachChild(node, walk)
  }
  walk(ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true))
  return unsafe
}

const KEYS = 'server/subjects/signing-keys.ts'
const files = readdirSync('server', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ file: join('server', name), text: readFileSync(join('server', name), 'utf8') }))

describe('threat 25: signatures', () => {
  it.each(files)('are never compared byte by byte in $file', ({ file, text }) => {
    expect(unsafeIn(text)).toEqual([])
    if (file === KEYS) expect(unsafeIn(text, SIGNATURE)).toEqual([])
  })

  it('have a single comparison, in constant time', () => {
    const calls = (name: string) =>
      files.flatMap(({ file, text }) =>
        Array.from(text.matchAll(new RegExp(`(?<!function )\\b${name}\\(`, 'g')), () => file),
      )
    expect([calls('createHmac'), calls('timingSafeEqual')]).toEqual([[KEYS], [KEYS]])
    expect([calls('isEqual'), calls('mac')]).toEqual([Array(2).fill(KEYS), Array(4).fill(KEYS)])
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
  ])('are found by this test if compared byte by byte: %s', (code) => {
    expect(unsafeIn(`const is = ${code}`)).toEqual([code])
  })
})

const shape = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}`, z.string()]))

/** The number of items checked by the schema. */
let checked = 0
const item = z.preprocess((value) => {
  checked += 1
  return value
}, z.object(shape))

const fields = defineFields({
  rows: { schema: z.array(item), default: [], client: 'write', cookie: false },
})

describe('threat 49: a list of invalid items for a wide schema', () => {
  it.each([
    [9900, 'too_large', 0],
    [1001, 'too_large', 0],
    [1000, 'invalid_value', 1000],
  ])('fails after 1,000 checks at most: %d items', async (length, code, most) => {
    checked = 0
    const rows = Array.from({ length }, () => ({}))
    const app = await App.start<typeof fields>({ fields, options: { limits: { changesPerVisitor: 1000 } } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const answers: unknown[] = []
    const work = await workOf(async () => {
      const answer = await visitor.store({ set: [['rows', -1, '', rows]] })
      answers.push(await socket.change('rows', rows), ...(await answer.json()).results)
    })
    expect(answers.slice(0, 2)).toEqual([{ code }, { code }])
    expect(work.steps).toBeLessThan(20 * length)
    expect(checked).toBe(2 * most)
  })
})

describe('threat 18: a thousand expired sessions', () => {
  it('are removed in one round, in few steps', async () => {
    const sessions = await SessionApp.start()
    const store = sessions.app.live.sessionStore()
    const appSessions = appSessionsOf(sessions.app.live)
    for (let at = 0; at < 1100; at += 1) await store.set(`stranger-${at}`, { csrf: `${at}` }, DAY)
    const round = async (ms: number): Promise<void> => {
      sessions.app.clock.advance(ms)
      await turn()
    }
    const { steps } = await workOf(() => round(2 * DAY))
    expect(steps).toBeLessThan(600_000)
    expect([...appSessions.all()]).toHaveLength(100)
    await round(1000)
    expect([...appSessions.all()]).toEqual([])
  })
})
