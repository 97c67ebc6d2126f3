// `npm run map`: writes the map of docs/architecture.md, one line a file, from what each file says of itself.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'

export const PAGE = 'docs/architecture.md'
/** A room of the map: its heading, with what it is for, and the lines of its files. */
const ROOM = /^(\*\*`([\w/-]+)\/`\*\*.*\n)\n(?:- .*\n)*/gm
const CODE = /\.tsx?$/

/** Returns the page with its map as the files are now. */
export function withMap(page, root) {
  return page.replace(ROOM, (_, heading, room) => `${heading}\n${linesOf(join(root, room)).join('')}`)
}

function linesOf(folder) {
  const names = readdirSync(folder).filter((name) => CODE.test(name))
  return names.sort().map((name) => `- \`${name.replace(CODE, '')}\`: ${saysOf(join(folder, name))}\n`)
}

/** Returns a file's own first comment; else what is said of the export that has its name, of the first class or function, or of the first export. */
function saysOf(path) {
  const text = readFileSync(path, 'utf8')
  const [, own] = /^\/\/ (.*)\n\n/.exec(text) ?? []
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const exported = source.statements.filter((one) => ts.canHaveModifiers(one) && isExported(one))
  const name = path.split('/').at(-1).replace(CODE, '').replaceAll('-', '')
  const said = exported.filter(docOf)
  const first = said.find((one) => nameOf(one)?.toLowerCase() === name) ?? said.find(isCode) ?? said[0]
  const words = own ?? detached(text) ?? (first && docOf(first))
  if (!words) throw new Error(`${path} says nothing of itself`)
  const flat = words
    .replace(/@module.*/, '')
    .replace(/\s+/g, ' ')
    .trim()
  return /^.*?\.(?= [A-Z`]|$)/.exec(flat)?.[0] ?? flat
}

/** Returns the comment at the head of a file that is about no declaration: that of a module, or one that stands alone. */
function detached(text) {
  const [, words, end] = /^\/\*\*((?:(?!\*\/)[\s\S])*)\*\/(\n\n)?/.exec(text) ?? []
  return words?.includes('@module') || end ? words?.replace(/^ \* ?/gm, '') : undefined
}

function isExported(node) {
  return ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
}

function isCode(node) {
  return ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node)
}

function nameOf(node) {
  return node.name?.text ?? node.declarationList?.declarations[0].name.text
}

function docOf(node) {
  const { comment } = node.jsDoc?.at(-1) ?? {}
  return typeof comment === 'string' ? comment : comment?.map(({ text }) => text).join('')
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const path = join(root, PAGE)
  writeFileSync(path, withMap(readFileSync(path, 'utf8'), root))
}
