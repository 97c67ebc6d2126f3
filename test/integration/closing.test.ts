import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { awaited } from '../support/app/awaited.js'

describe('close()', () => {
  it('refuses all later writes with a code', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        const failure: unknown = await ctx.liveSession.set('division', 1).catch((error: unknown) => error)
        ctx.body = failure as never
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 4 } }))
    const socket = await visitor.connect()
    await app.live.close()
    expect(await (await visitor.fetch('/')).json()).toMatchObject({ code: 'closed', status: 503 })
    expect(await socket.change('division', 2)).toEqual({ ok: false, code: 'closed' })
    const posted = await visitor.store({ set: [['division', -1, '', 2]] })
    expect([posted.status, (await posted.json()).error.code]).toEqual([503, 'closed'])
    await expect((await app.live.user('ann')).set('division', 1)).rejects.toMatchObject({ code: 'closed' })
    expect((await (await visitor.store()).json()).persisted).toEqual([['division', app.clock.now()]])
  })

  it('leaves changes pending in the page until a server starts again', async () => {
    const app = await App.start()
    const { clock, port } = app
    const page = await app.visitor(cookieFor(app.live, {})).open()
    await page.connected()
    await app.live.close()
    const refused = new Promise<void>((resolve) => {
      page.socket.io.engine.on('packet', ({ data = '' }: { data?: string }) => {
        if (String(data).includes('closed')) resolve()
      })
    })
    const saved = page.live.set('division', 6)
    await awaited('the refusal', refused)
    expect(page.live.get('division')).toBe(6)
    await app.stop()
    await App.start({ clock, port })
    await saved
    expect(page.live.status('division')).toEqual({ status: 'saved' })
  })
})
