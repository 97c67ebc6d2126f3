import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'

const HOUR = 60 * 60 * 1000

const echo: Koa.Middleware = (ctx) => {
  if (ctx.query['set'] !== undefined) void ctx.liveSession.set('division', Number(ctx.query['set']))
  ctx.body = String(ctx.liveSession.get('division'))
}

describe('the cache', () => {
  it('forgets whom it has not seen for as long as it was told, or twice that; the cookie knows more', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxIdle: HOUR } } })
    const visitor = app.visitor()
    await visitor.text('/?set=5')
    const user = await app.live.user('ann')
    await user.set('division', 7)
    app.clock.advance(3 * HOUR)
    await (await app.live.user('bob')).set('division', 1)
    expect(user.loaded).toBe(false)
    expect(await visitor.text('/')).toBe('5')
  })

  it('never holds more than it may, however many visitors come, and does not lose what cookies bring back', async () => {
    const app = await App.start({ routes: echo, options: { cache: { maxSubjects: 10 } } })
    const visitors = Array.from({ length: 50 }, () => app.visitor())
    for (const [i, visitor] of visitors.entries()) await visitor.text(`/?set=${i}`)
    for (const [i, visitor] of visitors.entries()) expect(await visitor.text('/')).toBe(String(i))
  })

  it('makes no cookie poorer when it forgets a visitor in the middle of a request', async () => {
    const app = await App.start({
      routes: async (ctx) => {
        if (ctx.path === '/read') ctx.body = [ctx.liveSession.get('division'), ctx.liveSession.get('cart')]
        else {
          ctx.liveSession.get('division')
          emptyCache(app.live)
          await ctx.liveSession.set('cart', ['a'])
          ctx.body = ''
        }
      },
    })
    const visitor = app.visitor(cookieFor(app.live, { values: { division: 5 } }))
    await visitor.fetch('/write')
    emptyCache(app.live)
    expect(await (await visitor.fetch('/read')).json()).toEqual([5, ['a']])
  })
})

describe('live.user(id)', () => {
  it('reads, writes and hears a user\u2019s values without a request or a socket', async () => {
    const app = await App.start({ options: { identify: () => 'ann' }, routes: echo })
    const user = await app.live.user('ann')
    const heard: unknown[] = []
    user.subscribe('division', (value) => heard.push(value))
    user.onChange(({ source }) => heard.push(source))
    await app.visitor().text('/?set=5')
    await user.update('division', (value) => Number(value) + 1)
    user[Symbol.dispose]()
    await user.set('division', 9)
    expect(heard).toEqual([-1, 5, 'request', 6, 'job'])
    expect([user.userId, user.loaded, user.get('division')]).toEqual(['ann', true, 9])
    expect([...user.inspect().keys()]).toEqual(['division'])
  })

  it.each(['subscribe', 'onChange'] as const)(
    'lets a user go whom the last listener of %s does not hear of any more, and holds them again for the next one',
    async (way) => {
      const app = await App.start()
      const { subjects } = coreOf(app.live)
      const user = await app.live.user('ann')
      const heard: unknown[] = []
      const hear = (): (() => void) =>
        way === 'onChange' ? user.onChange((change) => heard.push(change)) : user.subscribe('division', () => undefined)
      const ends = [hear(), hear()]
      for (const held of [1, 0]) {
        expect(subjects.held()).toEqual(['user:s:ann'])
        ends.pop()?.()
        expect(subjects.held()).toHaveLength(held)
      }
      const end = hear()
      expect(subjects.held()).toEqual(['user:s:ann'])
      end()
      end()
      await user.set('division', 9)
      expect([subjects.held(), heard, user.get('division')]).toEqual([[], [], 9])
    },
  )

  it('does not compute a value from a default where nothing is known of the user', async () => {
    const app = await App.start()
    const user = await app.live.user('ann')
    expect(user.loaded).toBe(false)
    await expect(user.update('division', () => 1)).rejects.toMatchObject({ code: 'not_loaded', key: 'division' })
    expect(user.has('division')).toBe(false)
  })

  it('has nothing of a browser\u2019s own', async () => {
    const app = await App.start()
    const user = await app.live.user('ann')
    expect(() => user.get('theme' as never)).toThrow('get("theme"): not declared. Declared: division, cart, role.')
    await expect(user.set('theme' as never, 'dark' as never)).rejects.toMatchObject({ code: 'undeclared_key' })
  })

  it('refuses what is no id', async () => {
    const app = await App.start()
    await expect(app.live.user('')).rejects.toThrow('user(id): expected a string of 1 to 256 characters')
  })
})
