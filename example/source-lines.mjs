import { readFile } from 'node:fs/promises'

/** By station of a change, the code that takes the change there: a file, the start of its first line, and the number of lines. */
const PLACES = {
  page: ['example/browser.ts', 'const showDivision = bindChoice(', 3],
  socket: ['client/browser/environment.ts', 'socket\n        ?.timeout(timeout)', 7],
  memory: ['server/values/values.ts', 'for (const [field, register] of registers) {', 7],
  store: ['server/store/store-call.ts', 'const all = registers.registers()', 2],
  ticket: ['server/values/page-tickets.ts', 'const ticket = answered?.ticket ??', 3],
  post: ['client/browser/post.ts', 'const response = await fetch(endpoint', 10],
  cookie: ['server/cookie/cookie.ts', "ctx['session'] = this.#payload(content)", 5],
}

/** Reads these lines, as they are now, from the repository. */
export async function readSourceLines(root) {
  const lines = Object.entries(PLACES).map(async ([station, [file, start, count]]) => {
    const text = await readFile(new URL(file, root), 'utf8')
    const at = text.indexOf(start)
    if (at < 0) throw new Error(`${file} has no line that starts with "${start}"`)
    const before = text.slice(0, at)
    const line = before.split('\n').length
    const indent = before.length - before.lastIndexOf('\n') - 1
    const shown = text.split('\n').slice(line - 1, line - 1 + count)
    return [station, { file, line, text: shown.map((one) => one.slice(indent)).join('\n') }]
  })
  return Object.fromEntries(await Promise.all(lines))
}
