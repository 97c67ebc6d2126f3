import { expect, it } from '@jest/globals'
import { written } from '../support/departures.js'
import { as, browserOf, isGivenUp, KINDS, startWithHeaders, visitorWith } from '../support/kinds-of-cookies.js'

const rows = KINDS.flatMap((kind) => [undefined, 'ann', 'bob'].map((user) => [kind, user] as const))

it.each(rows)('to read ctx.liveSession alone changes nothing: with the cookie %s, by %s', async (kind, user) => {
  const app = await startWithHeaders()
  const visitor = await visitorWith(app, kind)
  const subject = browserOf(visitor)
  const before = isGivenUp(app, subject)
  const owner = kind === 'ann' ? 'ann' : undefined
  const socket = before || kind === 'revoked ann' ? undefined : await visitor.connect('/', as(owner))
  await socket?.ticket()
  for (const headers of [as(user), as(user, false)]) {
    const answer = await visitor.fetch('/handle', { headers })
    expect([await answer.text(), written(answer)]).toEqual(['object', []])
    expect([answer.headers.get('vary'), answer.headers.get('cache-control')]).toEqual([null, null])
  }
  expect(isGivenUp(app, subject)).toBe(before)
  if (socket) expect(await socket.change('division', 7)).toHaveProperty('stamp')
})
