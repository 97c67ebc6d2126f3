// The size of each room: a room is a folder of the library, with its own files and without those of subfolders. Lines of code exclude
// comments, blank lines and imports, so that joining files or cutting comments gains nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

const ROOTS = ['shared', 'client', 'server', 'testing']
const CODE = /\.tsx?$/

/** Returns the paths of the library's files, from its root. */
export function sourceFiles(root) {
  return ROOTS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ).filter((name) => CODE.test(name))
}

/** Returns, by folder, `{ lines, files }`, without folders that have no code. */
export function weighRooms(root) {
  const folders = ROOTS.flatMap((name) => [
    join(root, name),
    ...readdirSync(join(root, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name)),
  ])
  const rooms = folders.map((folder) => {
    const files = readdirSync(folder).filter((name) => CODE.test(name))
    const lines = files.reduce((sum, name) => sum + linesOfCode(readFileSync(join(folder, name), 'utf8')), 0)
    return [relative(root, folder), { lines, files: files.length }]
  })
  return Object.fromEntries(rooms.filter(([, { files }]) => files > 0).sort())
}

/** Returns how many lines of a text in TypeScript have code besides imports. */
export function linesOfCode(text) {
  const source = ts.createSourceFile('room.tsx', text, ts.ScriptTarget.Latest)
  const lineOf = (at) => source.getLineAndCharacterOfPosition(at).line
  const lines = new Set()
  const visit = (node) => {
    // A doc comment is a child of its declaration.
    if (ts.isImportDeclaration(node) || ts.isJSDoc(node)) return
    const children = node.getChildren(source)
    for (const child of children) visit(child)
    if (children.length > 0 || node.end === node.getStart(source)) return
    for (let line = lineOf(node.getStart(source)); line <= lineOf(node.end); line += 1) lines.add(line)
  }
  visit(source)
  return lines.size
}
