import type { ServerResponse } from 'node:http'
import onHeaders from 'on-headers'

/**
 * Has an answer bring no cookie with this id. koa-session sets it after each save: of a session that has ended meanwhile it would replace
 * the cookie of the one that came after, and its visitor, who may have signed in just then, would have none.
 */
export function withholdCookie(res: ServerResponse, id: string): void {
  onHeaders(res, () => {
    const lines = [res.getHeader('set-cookie') ?? []].flat().map(String)
    // Each with its signature, which alone would not verify what the browser has.
    const late = new Set(
      lines.filter((line) => pairOf(line).endsWith(`=${id}`)).flatMap((line) => [nameOf(line), `${nameOf(line)}.sig`]),
    )
    if (late.size === 0) return
    const left = lines.filter((line) => !late.has(nameOf(line)))
    res.setHeader('set-cookie', left)
  })
}

function pairOf(line: string): string {
  return line.split(';')[0] ?? ''
}

function nameOf(line: string): string {
  return line.split('=')[0] ?? ''
}
