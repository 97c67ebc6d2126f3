import type { ServerResponse } from 'node:http'
import onHeaders from 'on-headers'

/**
 * Has an answer bring no cookie with this id. koa-session sets it after each save: of a session that has ended meanwhile it would replace
 * the cookie of the one that came after, and its visitor, who may have signed in just then, would have none.
 */
export function withholdCookie(res: ServerResponse, id: string): void {
  onHeaders(res, () => {
    const lines = [res.getHeader('set-cookie') ?? []].flat().map(String)
    const names = lines.flatMap((line) => {
      const [pair = ''] = line.split(';')
      return pair.endsWith(`=${id}`) ? [pair.slice(0, -id.length)] : []
    })
    // Its signature alone would not verify what the browser has.
    const isLate = (line: string): boolean =>
      names.some((name) => line.startsWith(name) || line.startsWith(`${name.slice(0, -1)}.sig=`))
    if (names.length > 0)
      res.setHeader(
        'set-cookie',
        lines.filter((line) => !isLate(line)),
      )
  })
}
