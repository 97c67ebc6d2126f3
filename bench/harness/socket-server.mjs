import { fileURLToPath } from 'node:url'
import { cookiesOf } from '../servers/sockets/app.mjs'
import { begin } from './http-server.mjs'
import { Page } from './page.mjs'
import { start } from './processes.mjs'

const MAIN = fileURLToPath(new URL('../servers/sockets/main.mjs', import.meta.url))
const AT_ONCE = 50

/** Starts a server of `servers/sockets`. */
export function startSockets(mode, given = {}, options) {
  return start(MAIN, [mode, JSON.stringify(given)], options)
}

/** Returns users of a server. Each user sends a cookie and a name, because a server identifies users by either. */
export async function visitorsOf(mode, port, count) {
  const cookies = mode === 'expressSession' ? await begin(port, count) : cookiesOf(count)
  return cookies.map((cookie, i) => ({ cookie, user: `user ${i}` }))
}

/** Opens a page at each of these ports for each visitor. */
export async function openPages(visitors, ports) {
  const pages = visitors.map((visitor) => ports.map((port) => ({ port, page: new Page(visitor) })))
  const all = pages.flat()
  for (let at = 0; at < all.length; at += AT_ONCE)
    await Promise.all(all.slice(at, at + AT_ONCE).map(({ port, page }) => page.open(port)))
  return pages.map((ofVisitor) => ofVisitor.map(({ page }) => page))
}

export function closePages(pages) {
  for (const page of pages.flat()) page.close()
}
