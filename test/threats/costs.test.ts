import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'
import { atScale } from '../support/scale.js'
import { longestTurn } from '../support/turns.js'

const shape = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}`, z.string()]))
const fields = defineFields({
  rows: { schema: z.array(z.object(shape)), default: [], client: 'write', cookie: false },
})

describe('threat 49: a list of bad items for a wide schema', () => {
  it.each([
    [9900, 'too_large', 50],
    [1001, 'too_large', 50],
    // Five times what zod takes for 30,000 issues, and a third of what it takes for those of 9,900 items.
    [1000, 'invalid_value', 200],
  ])('is refused by socket and by POST without keeping the process busy: %d', async (length, code, most) => {
    const rows = Array.from({ length }, () => ({}))
    const app = await App.start<typeof fields>({ fields, options: { limits: { changesPerSubject: 1000 } } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const answers: unknown[] = []
    const turn = await longestTurn(async () => {
      const answer = await visitor.store({ set: [['rows', -1, '', rows]] })
      answers.push(await socket.change('rows', rows), ...(await answer.json()).results)
    })
    expect(answers.slice(0, 2)).toEqual([{ code }, { code }])
    expect(turn).toBeLessThan(most)
  })
})

describe('threat 49: tickets, 57 kB a POST', () => {
  /** As many copies of a good ticket as a POST has room for. */
  async function start() {
    const app = await App.start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text } = await socket.ticket()
    const tickets = Array.from({ length: Math.floor(57_000 / (text.length + 3)) }, () => text)
    return { app, visitor, socket, text, tickets }
  }

  it('are refused once there are too many, with the seconds to wait, and taken again after those', async () => {
    const { app, visitor, tickets } = await start()
    const statuses: number[] = []
    for (let i = 0; i < 30; i += 1) statuses.push((await visitor.store({ tickets })).status)
    expect([statuses[0], statuses.at(-1)]).toEqual([200, 429])
    const refusal = await visitor.store({ tickets })
    expect([refusal.headers.get('retry-after'), (await refusal.json()).error.code]).toEqual(['1', 'rate_limited'])
    app.clock.advance(1000)
    expect((await visitor.store({ tickets })).status).toBe(200)
  })

  it('are refused over a socket too, and whichever way they come', async () => {
    const { visitor, socket, text, tickets } = await start()
    const answers: unknown[] = []
    for (let i = 0; i < 30; i += 1) answers.push(await socket.sendTickets(...tickets))
    expect(answers[0]).toHaveProperty('results')
    expect(answers.at(-1)).toEqual({ ok: false, code: 'rate_limited' })
    expect((await visitor.store({ tickets })).status).toBe(429)
    expect(await socket.change('division', 8)).toHaveProperty('stamp')
    expect((await socket.ticket()).text).not.toBe(text)
  })

  it('are counted for all who bring no cookie together', async () => {
    const { app, tickets } = await start()
    const statuses: number[] = []
    for (let i = 0; i < 30; i += 1) statuses.push((await app.visitor().store({ tickets })).status)
    expect(statuses.at(-1)).toBe(429)
  })

  it('of twenty pages that come back at once, with all that a POST of theirs may bring, are taken', async () => {
    const { visitor, socket, text } = await start()
    const most = Array.from({ length: Math.floor(48_000 / text.length) }, () => text)
    for (let page = 0; page < 20; page += 1) expect(await socket.sendTickets(...most)).toHaveProperty('results')
    expect((await visitor.store({ tickets: [text] })).status).toBe(200)
  })

  it('of a page that drags what is as large as it may be, for long, are taken', async () => {
    const { app, visitor, text } = await start()
    const large = Array.from({ length: Math.floor(48_000 / text.length) }, () => text)
    // Four POSTs a second with news, each made twice where its answer is lost.
    for (let post = 0; post < atScale(10, 60) * 4; post += 1) {
      app.clock.advance(250)
      for (let i = 0; i < 2; i += 1) expect((await visitor.store({ tickets: large })).status).toBe(200)
    }
  })
})
