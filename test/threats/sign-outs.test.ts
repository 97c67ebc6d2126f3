import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { AuthStore, auth, identify } from '../support/app/auth.js'
import { written } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { set, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

/** None of them is the browser's own. */
const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })

const LOGOUTS = ['/logout/now', '/logout/leave']

async function start(): Promise<App<typeof fields>> {
  return App.start<typeof fields>({
    fields,
    before: (koa) => [auth(koa, { store: new AuthStore() })],
    options: { identify } as never,
    routes: async (ctx) => {
      if (ctx.path.startsWith('/login')) ctx['session'].user = ctx.path.includes('bob') ? 'bob' : 'ann'
      if (ctx.path.startsWith('/logout')) ctx['session'] = null
      if (ctx.path.startsWith('/own')) ctx.set('Clear-Site-Data', '"cache"')
      if (ctx.path.endsWith('/now')) await ctx.liveSession.identify()
      if (ctx.path.endsWith('/leave')) await ctx.liveSession.leave()
      ctx.body = ctx.liveSession.get('division')
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

/** A browser with a planted cookie in which ann has just signed in, and nothing has used its values since. */
async function signIn(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
  const cookie = cookieFor(app.live, { browserId: 'planted-by-an-attacker', values: { role: 'admin' } })
  const [victim, attacker] = [app.visitor(cookie), app.visitor(cookie)]
  await victim.fetch('/login?user=ann')
  return { victim, attacker }
}

describe('threat 8: login fixation, where the first to come after sign-in is a socket', () => {
  it('puts nothing that the user sets within reach of the planted id', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await signIn(app)
    const socket = await victim.connect().catch(async () => {
      await victim.store()
      return victim.connect()
    })
    await socket.change('theme', 'dark')
    expect(await values(attacker)).toMatchObject({ theme: 'light' })
  })

  it('shows the user nothing of what the planted cookie says', async () => {
    const app = await startWithUsers()
    const { victim } = await signIn(app)
    const early = await victim.connect()
    await victim.store()
    const late = await victim.connect()
    for (const socket of [early, late]) {
      const claims = [(await socket.ticket()).claims, (await socket.ticket()).claims]
      expect(claims.map(({ changes }) => changes)).toEqual([[], []])
    }
    expect((await early.greeted).kept).toBeUndefined()
    expect((await late.greeted).kept).toBe(true)
    expect(await values(victim)).toMatchObject({ role: 'guest' })
  })

  it('takes nothing of a socket that a guest has opened without a cookie, though the user brings its tickets', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, '', 1], ['theme', -1, '', 'dark'])
    const { text } = await socket.ticket()
    await visitor.fetch('/login?user=ann')
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
    await socket.change('division', 2)
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })
})

const outcome = (written: Promise<unknown>): Promise<string> =>
  written.then(
    () => 'written',
    ({ code }: { readonly code: string }) => code,
  )

const ENDS = {
  'revoke()': (app: App) => app.live.revoke('ann'),
  'erase()': (app: App) => app.live.erase('ann'),
  'leave()': (_: App, ann: Visitor) => ann.fetch('/logout/leave'),
}

describe('threat 9: code of the app that goes on after its visitor has gone', () => {
  it.each([
    ['a live cookie', 'revoke()'],
    ['a live cookie', 'erase()'],
    ['a live cookie', 'leave()'],
    ['no live cookie', 'revoke()'],
    ['no live cookie', 'leave()'],
  ] as const)(
    'in a socket handler, which came with %s, writes nothing to the account after %s',
    async (brought, end) => {
      const app = await startWithUsers()
      const handlers: { readonly liveSession: { set(key: string, value: unknown): Promise<unknown> } }[] = []
      app.io.on('connection', (socket) => void handlers.push(socket as never))
      const ann = app.visitor()
      await ann.fetch('/login/now?user=ann')
      const full = app.visitor(ann.cookie)
      if (brought === 'no live cookie') ann.forget()
      await (await ann.connect()).ticket()
      await ENDS[end](app, full)
      expect(await outcome(handlers[0]?.liveSession.set('division', 666) ?? Promise.resolve())).toBe('superseded')
      using account = await app.live.user('ann')
      expect(account.get('division')).toBe(-1)
    },
  )

  it.each(['revoke', 'erase'] as const)('in a request writes nothing to the account after %s()', async (end) => {
    let came = ''
    const app: App = await startWithUsers({
      routes: async (ctx) => {
        const { liveSession } = ctx
        if (ctx.path === '/login') {
          ctx['session'].user = 'ann'
          await liveSession.identify()
        } else {
          liveSession.get('division')
          await app.live[end]('ann')
          came = await outcome(liveSession.set('division' as never, 666 as never))
        }
        ctx.body = ''
      },
    })
    const ann = app.visitor()
    await ann.fetch('/login')
    await ann.fetch('/')
    using account = await app.live.user('ann')
    expect([came, account.get('division')]).toEqual(['superseded', -1])
  })
})

describe('threat 43: tickets that are brought late, by a page that does not say whose it is', () => {
  it('bring no cookie in place of one that was given up', async () => {
    const app = await startWithUsers()
    const ann = app.visitor()
    await ann.fetch('/login/now?user=ann')
    const late = app.visitor(ann.cookie)
    const { text } = await (await ann.connect()).ticket()
    await ann.fetch('/logout/leave')
    const answer = await late.store({ tickets: [text] })
    expect([answer.status, written(answer)]).toEqual([200, []])
  })
})

describe('threat 17: a planted cookie that was given up, ahead of the browser’s own', () => {
  it('hides nothing of what its guest sets', async () => {
    const app = await startWithUsers()
    const attacker = app.visitor()
    await attacker.store()
    const planted = attacker.cookie
    await attacker.fetch('/logout/leave')
    const guest = app.visitor()
    await guest.store()
    await set(guest, { division: 3 })
    const headers = { cookie: `${planted}; ${guest.cookie}` }
    const answer = await fetch(`${app.url}/`, { headers })
    expect([await answer.json(), answer.headers.getSetCookie()]).toMatchObject([{ division: 3 }, []])
    expect(await values(guest)).toMatchObject({ division: 3 })
  })
})

describe('threat 8: a field of the browser’s own that only the server may write', () => {
  const fields = defineFields({
    trusted: { schema: z.boolean(), default: false, client: 'hidden', scope: 'browser' },
    theme: { schema: z.string(), default: 'light', client: 'write', scope: 'browser' },
  })

  it('is not taken over by a sign-in, as its cookie may have been planted', async () => {
    const app = await App.start({
      fields,
      options: { identify } as never,
      before: (koa) => [auth(koa)],
      routes: async (ctx) => {
        const { liveSession } = ctx as unknown as { liveSession: Record<string, (...given: unknown[]) => unknown> }
        if (ctx.path === '/trust') await liveSession['setMany']?.({ trusted: true, theme: 'dark' })
        else {
          ctx['session'].user = 'ann'
          await liveSession['identify']?.()
        }
        ctx.body = { trusted: liveSession['get']?.('trusted'), theme: liveSession['get']?.('theme') }
      },
    })
    const attacker = app.visitor()
    await attacker.fetch('/trust')
    const victim = app.visitor(attacker.cookie)
    expect(await (await victim.fetch('/login')).json()).toEqual({ trusted: false, theme: 'dark' })
  })
})

describe('threat 94: the response of a sign-out', () => {
  const UNSEEN = '"prefetchCache", "prerenderCache"'
  const header = async (visitor: Visitor, path: string, init: RequestInit = {}): Promise<string | null> =>
    (await visitor.fetch(path, init)).headers.get('clear-site-data')

  it.each(LOGOUTS)('drops the pages that the browser has fetched ahead: %s', async (path) => {
    const app = await start()
    const ann = app.visitor()
    expect(await header(ann, '/login/now')).toBeNull()
    expect(await header(ann, '/')).toBeNull()
    expect(await header(ann, path)).toBe(UNSEEN)
  })

  it('drops them in the next one, if the app’s session ended without leave()', async () => {
    const app = await start()
    const ann = app.visitor()
    await ann.fetch('/login/now')
    expect(await header(ann, '/logout')).toBeNull()
    expect(await header(ann, '/')).toBe(UNSEEN)
    expect(await header(ann, '/')).toBeNull()
  })

  it('drops them at the end of a guest, and at a change of users', async () => {
    const app = await start()
    expect(await header(app.visitor(), '/logout/leave')).toBe(UNSEEN)
    const ann = app.visitor()
    await ann.fetch('/login/now')
    expect(await header(ann, '/login/bob/now')).toBe(UNSEEN)
  })

  it('keeps what the app’s own header says', async () => {
    const app = await start()
    expect(await header(app.visitor(), '/own/logout/leave')).toBe(`"cache", ${UNSEEN}`)
  })

  it('says nothing over plain http, where browsers report an error', async () => {
    const app = await start()
    app.koa.proxy = true
    const over = (proto: string): RequestInit => ({
      headers: { 'X-Forwarded-Host': 'shop.example', 'X-Forwarded-Proto': proto },
    })
    expect(await header(app.visitor(), '/logout/leave', over('http'))).toBeNull()
    expect(await header(app.visitor(), '/logout/leave', over('https'))).toBe(UNSEEN)
  })
})
