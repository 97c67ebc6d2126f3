import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import * as v from 'valibot'
import { z } from 'zod'
import { App } from '../support/app/app.js'

const CANARY = 'canary-that-no-page-may-see'

const fields = defineFields({
  secret: { schema: v.picklist(['a', 'b']), default: 'a', client: 'hidden' },
  division: { schema: z.number(), default: -1, client: 'write' },
})

async function start(): Promise<App<typeof fields>> {
  return App.start<typeof fields>({
    fields,
    routes: async (ctx) => {
      const [key, value] = ctx.path === '/value' ? ['secret', CANARY] : ['nope', 1]
      await ctx.liveSession.set(key as never, value as never)
    },
  })
}

describe('threat 12: a hidden field, in the answer to an error that the app does not catch', () => {
  it('does not have its value quoted, as the messages of some schemas do', async () => {
    const app = await start()
    const answer = await app.visitor().fetch('/value')
    expect(await answer.text()).not.toContain(CANARY)
    expect(String(app.errors)).not.toContain(CANARY)
  })

  it('does not have its name listed', async () => {
    const app = await start()
    expect(await app.visitor().text('/name')).not.toContain('secret')
  })
})
