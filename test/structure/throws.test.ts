import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import ts from 'typescript'
import { type Place, THROWS } from './throws.js'

/** Functions whose callbacks run where nothing catches an error: in a timer, or in a listener of a response, a socket or a connection. */
const UNCAUGHT = new Set([
  ...['on', 'once', 'addListener', 'prependListener', 'addEventListener', 'onClose', 'onHeaders', 'onHeadersSent'],
  ...[
    'setTimeout',
    'setInterval',
    'setImmediate',
    'queueMicrotask',
    'nextTick',
    'schedule',
    'scheduleRetry',
    'inRealTime',
    'repeat',
  ],
])

/** The functions that catch what they call, besides those with a `catch`. */
const TRACKED = 'tracked'

interface Found {
  readonly file: string
  /** The innermost function with a name. */
  readonly name: string
  readonly isUncaught: boolean
}

function filesIn(folder: string): readonly string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((name) => /\.tsx?$/.test(name)).map((name) => join(folder, name).split(sep).join('/'))
}

function parse(file: string, text = readFileSync(file, 'utf8')): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
}

function* nodesIn(node: ts.Node): Generator<ts.Node> {
  yield node
  for (const child of node.getChildren()) yield* nodesIn(child)
}

function* above(node: ts.Node): Generator<readonly [node: ts.Node, child: ts.Node]> {
  for (let [at, child] = [node.parent, node]; at; [at, child] = [at.parent, at]) yield [at, child]
}

/** Returns the name of a function that has one. */
function nameOf(node: ts.Node): string | undefined {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const isMethod = ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isAccessor(node)
  if (isMethod) return node.name?.getText()
  if (!ts.isVariableDeclaration(node) && !ts.isPropertyAssignment(node) && !ts.isPropertyDeclaration(node))
    return undefined
  const { initializer } = node
  return initializer && ts.isFunctionLike(initializer) ? node.name.getText() : undefined
}

/** Returns the last name of what is called: `once` of `res.once(...)`. */
function calleeOf({ expression }: ts.CallExpression): string {
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : expression.getText()
}

/** Whether `Promise.reject`, or `ctx.throw` of Koa. */
function isThrow(node: ts.Node): boolean {
  if (ts.isThrowStatement(node)) return true
  return ts.isCallExpression(node) && /^Promise\.reject$|\.throw$/.test(node.expression.getText())
}

/** Whether the text around a `throw` shows that nothing catches it: it is in a callback of a timer or a listener, and in no `try`. */
function isInUncaught(node: ts.Node): boolean {
  for (const [at, child] of above(node)) {
    if (ts.isTryStatement(at) && at.catchClause && at.tryBlock === child) return false
    if (!ts.isCallExpression(at) || at.expression === child) continue
    const callee = calleeOf(at)
    if (callee === TRACKED) return false
    if (UNCAUGHT.has(callee)) return true
  }
  return false
}

function throwsIn(source: ts.SourceFile): readonly Found[] {
  return [...nodesIn(source)].filter(isThrow).map((node) => {
    const name = [...above(node)].map(([at]) => nameOf(at)).find((known) => known !== undefined)
    return { file: source.fileName, name: name ?? 'the module', isUncaught: isInUncaught(node) }
  })
}

/** Whether a function has code that catches errors or rejections. */
function catches(place: string): boolean {
  const [file = '', name] = place.split(' ')
  const named = [...nodesIn(parse(file))].filter((node) => nameOf(node) === name)
  return named
    .flatMap((node) => [...nodesIn(node)])
    .some((node) => {
      if (ts.isCatchClause(node)) return true
      if (!ts.isCallExpression(node)) return false
      const callee = calleeOf(node)
      return callee === 'catch' || (callee === 'then' && node.arguments.length === 2)
    })
}

const found = ['client', 'server', 'shared', 'testing'].flatMap(filesIn).flatMap((file) => throwsIn(parse(file)))
const places = Object.values(THROWS).flatMap((byName) => Object.values<Place>(byName))

describe('each throw of the library', () => {
  it('is on the list, by file and function, with the place where the app stands', () => {
    const listed = Object.entries(THROWS).flatMap(([file, byName]) => Object.keys(byName).map((at) => `${file} ${at}`))
    const unlisted = new Set(found.map(({ file, name }) => `${file} ${name}`))
    expect([...unlisted].toSorted()).toEqual(listed.toSorted())
  })

  it('stands in no callback of a timer or a listener', () => {
    expect(found.filter(({ isUncaught }) => isUncaught)).toEqual([])
  })

  it('is caught by the function that the list names', () => {
    const catchers = new Set(places.filter((place) => place.includes(' ')))
    expect([...catchers].filter((place) => !catches(place))).toEqual([])
  })
})

it.each([
  ["socket.on('x', () => { throw error })", true],
  ["res.once('finish', async () => { if (late) throw error })", true],
  ['setTimeout(() => list.map(() => { throw error }), 5)', true],
  ['queueMicrotask(() => void Promise.reject(error))', true],
  ["socket.on('x', () => { try { throw error } catch { report() } })", false],
  ["socket.on('x', () => { try { act() } catch (error) { throw error } })", true],
  ["socket.on('x', () => { try { throw error } finally { end() } })", true],
  ["socket.on('x', () => tracked(() => { throw error }, report))", false],
  ['list.map(() => { throw error })', false],
])('finds a throw that nothing catches: %s', (text, isUncaught) => {
  expect(throwsIn(parse('x.ts', text)).map((one) => one.isUncaught)).toEqual([isUncaught])
})
