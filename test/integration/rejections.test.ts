import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { Listeners } from '../../server/kernel/memory/listeners.js'
import { App } from '../support/app/app.js'
import { turn } from '../support/app/within.js'

describe('a rejection that no code awaits', () => {
  it('goes to onError, not to the process, where identify() fails', async () => {
    let asked = 0
    const app = await App.start({
      options: {
        identify: () => {
          asked += 1
          if (asked > 1) throw new Error('the user database is away')
          return undefined
        },
      } as never,
      routes: (ctx) => {
        void ctx.liveSession.identify()
        ctx.body = ''
      },
    })
    await app.visitor().fetch('/')
    await turn()
    await turn()
    expect(app.errors).toHaveLength(1)
  })

  it('goes to onError where it is a listener\u2019s', async () => {
    const reported: unknown[] = []
    const listeners = new Listeners()
    const failure = Promise.reject(new Error('no figures'))
    failure.catch(() => undefined)
    listeners.onChange(() => failure as never)
    listeners.tell({ key: 'division', value: 1, previous: 0, source: 'socket' }, (error) => reported.push(error))
    await turn()
    expect(reported).toHaveLength(1)
  })

  it.each(['at once', 'later'])('goes to onError where it is, %s, that of a listener to one key', async (when) => {
    const app = await App.start({ options: { identify: () => 'ann' } as never })
    const ann = await app.live.user('ann')
    const values: unknown[] = []
    ann.subscribe('division', (division) => {
      values.push(division)
      const fails = (values.length === 1) === (when === 'at once')
      return (fails ? Promise.reject(new Error('no figures')) : undefined) as never
    })
    await ann.set('division', 3)
    await turn()
    await turn()
    expect(values).toEqual([-1, 3])
    expect(app.errors).toEqual([new Error('no figures')])
  })
})

describe('close()', () => {
  it('takes no more writes, wherever they come from, and says so with a code', async () => {
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
    expect((await (await visitor.store()).json()).held).toEqual([['division', app.clock.now()]])
  })

  it('sends what was accepted before, and may be called again', async () => {
    const app = await App.start()
    const socket = await app.visitor().connect()
    await socket.ticket()
    const user = await app.live.user('ann')
    await user.set('division', 3)
    await app.live.close()
    await app.live.close()
    expect(user.get('division')).toBe(3)
  })

  it('has a page keep its change until the next server takes it', async () => {
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
    await refused
    expect(page.live.get('division')).toBe(6)
    await app.stop()
    await App.start({ clock, port })
    await saved
    expect(page.live.status('division')).toEqual({ status: 'saved' })
  })
})
