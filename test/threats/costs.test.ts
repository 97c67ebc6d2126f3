import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app.js'
import { longestTurn } from '../support/turns.js'

const shape = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}`, z.string()]))
const fields = defineFields({
  rows: { schema: z.array(z.object(shape)), default: [], client: 'write', cookie: false },
})
/** Ten times what a message may cost, and a fifth of what this one did. */
const MOST = 100

describe('threat 49: a list of 9,900 bad items for a wide schema', () => {
  const rows = Array.from({ length: 9900 }, () => ({}))

  it('is refused by socket and by POST without keeping the process busy', async () => {
    const app = await App.start<typeof fields>({ fields, options: { limits: { changesPerSubject: 1000 } } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const answers: unknown[] = []
    const turn = await longestTurn(async () => {
      answers.push(await socket.set(['rows', -1, rows]), (await visitor.store({ set: [['rows', -1, rows]] })).status)
    })
    expect(answers.slice(0, 2)).toEqual([{ ok: false, code: 'invalid_value', key: 'rows' }, 400])
    expect(turn).toBeLessThan(MOST)
  })
})
