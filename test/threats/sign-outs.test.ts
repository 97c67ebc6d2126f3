import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app.js'
import { AuthStore, auth, identify } from '../support/auth.js'
import { Gate } from '../support/gate.js'
import { RawSocket } from '../support/raw-socket.js'
import { set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

/** None of them is the browser's own. */
const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })
const LOGOUTS = ['/logout/now', '/logout/leave']

async function start(): Promise<App<typeof fields>> {
  return App.start<typeof fields>({
    fields,
    before: (koa) => [auth(koa, { store: new AuthStore() })],
    options: { identify } as never,
    routes: async (ctx) => {
      if (ctx.path.startsWith('/login')) ctx['session'].user = 'ann'
      if (ctx.path.startsWith('/logout')) ctx['session'] = null
      if (ctx.path.endsWith('/now')) await ctx.liveSession.identify()
      if (ctx.path.endsWith('/leave')) await ctx.liveSession.leave()
      ctx.body = ''
    },
  })
}

const cookies = ({ cookie }: Visitor, name: string): string => {
  const pairs = cookie.split('; ').filter((pair) => pair.startsWith(name))
  return pairs.join('; ')
}

describe('threat 9: after logout, where no field is the browser\u2019s own', () => {
  it.each(LOGOUTS)('a socket that was still being let in is not let in: %s', async (path) => {
    const app = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now')
    const gate = new Gate()
    app.io.use((_socket, next) => void gate.pass().then(() => next()))
    const connecting = expect(ann.connect()).rejects.toThrow('transport close')
    await gate.entered
    await ann.fetch(path)
    gate.open()
    await connecting
  })

  it.each(LOGOUTS)('a connection that had left its namespace does not enter it again as the user: %s', async (path) => {
    const app = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now')
    const socket = await RawSocket.enter(app.url, ann.cookie)
    const left = new Promise((resolve) => app.io.sockets.sockets.forEach((each) => void each.on('disconnect', resolve)))
    socket.send('41')
    await left
    await ann.fetch(path)
    socket.send('40')
    const change = socket.next('40').then(() => socket.ask('live_session:sync', '{"set":[["division",-1,"",66]]}'))
    await Promise.race([socket.closed, change])
    expect((await app.live.user('ann')).get('division')).toBe(-1)
  })
})

describe('threat 9: after logout of a browser that', () => {
  it('had no live cookie yet, its socket is ended', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const ann = app.visitor()
    await ann.fetch('/login?user=ann')
    expect(cookies(ann, 'live')).toBe('')
    const socket = await ann.connect()
    await ann.fetch('/logout/leave')
    const change = socket.change('division', 66)
    expect(await Promise.race([socket.closed, change])).toBe('transport close')
    expect((await app.live.user('ann')).get('division')).toBe(-1)
  })

  it('took its id over from a socket, a queued ticket of that socket brings nothing back', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 1)
    await visitor.store({ tickets: [(await socket.ticket()).text] })
    await socket.change('division', 2)
    const queued = (await socket.ticket()).text
    await visitor.fetch('/logout/leave')
    await visitor.store({ tickets: [queued] })
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })

  it('kept its cookie, the id that was given up stays given up when the user comes back', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 3, theme: 'dark' })
    const kept = cookies(ann, 'live')
    await ann.fetch('/logout/leave')
    await ann.fetch('/login?user=ann')
    const back = app.visitor(`${kept}; ${cookies(ann, 'app')}`)
    expect(await values(back)).toMatchObject({ division: 3, theme: 'light' })
  })
})
