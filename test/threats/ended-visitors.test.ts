import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app.js'
import { auth, identify } from '../support/auth.js'
import { written } from '../support/departures.js'
import { set, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

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
