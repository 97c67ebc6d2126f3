// Removes late cookies of koa-session from a response, because they would replace the cookie of the visitor's next session.

import type { ServerResponse } from 'node:http'
import onHeaders from 'on-headers'

/**
 * Removes koa-session's cookie with this id from a response if the session has ended by then. koa-session sets the cookie after each save,
 * and the late cookie would sign the visitor out.
 */
export function withholdCookie(res: ServerResponse | undefined, id: string, hasEnded: () => boolean): void {
  withhold(res, (line) => line.split(';')[0]?.endsWith(`=${id}`) === true && hasEnded())
}

/**
 * Removes koa-session's deletion of the cookie with this id from a response: the browser may already have the cookie of a later session.
 */
export function withholdDeletion(res: ServerResponse | undefined, id: string): void {
  const name = res?.req.headers.cookie
    ?.split(/; */)
    .find((pair) => pair.endsWith(`=${id}`))
    ?.split('=')[0]
  if (name !== undefined) withhold(res, (line) => line.startsWith(`${name}=;`))
}

function withhold(res: ServerResponse | undefined, isLate: (line: string) => boolean): void {
  if (!res) return
  onHeaders(res, () => {
    const lines = [res.getHeader('set-cookie') ?? []].flat().map(String)
    const late = lines.find(isLate)
    if (late === undefined) return
    // Also removes its `.sig` cookie, whose signature would not match the cookie that the browser keeps.
    const names = new Set([cookieName(late), `${cookieName(late)}.sig`])
    const others = lines.filter((line) => !names.has(cookieName(line)))
    res.setHeader('set-cookie', others)
  })
}

function cookieName(line: string): string | undefined {
  return line.split('=')[0]
}
