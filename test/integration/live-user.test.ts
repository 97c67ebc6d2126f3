import { describe, expect, it } from '@jest/globals'
import { App } from '../support/app/app.js'

const HOUR = 60 * 60 * 1000

describe('live.user(id)', () => {
  it('reads, writes and observes a user without a request or socket', async () => {
    const app = await App.start({
      options: { identify: () => 'ann' },
      routes: async (ctx) => void (await ctx.liveSession.set('division', 5)),
    })
    const user = await app.live.user('ann')
    const heard: unknown[] = []
    user.subscribe('division', (value) => heard.push(value))
    user.onChange(({ source }) => heard.push(source))
    await app.visitor().fetch('/')
    await user.update('division', (value) => Number(value) + 1)
    user[Symbol.dispose]()
    await user.set('division', 9)
    expect(heard).toEqual([-1, 5, 'request', 6, 'job'])
    expect([user.userId, user.loaded, user.get('division')]).toEqual(['ann', true, 9])
    expect([...user.inspect().keys()]).toEqual(['division'])
  })

  it.each(['subscribe', 'onChange'] as const)('keeps the user in memory while %s has a listener', async (way) => {
    const app = await App.start({ options: { cache: { maxIdle: HOUR } } })
    const user = await app.live.user('ann')
    await user.set('division', 7)
    const listen = (): (() => void) =>
      way === 'onChange' ? user.onChange(() => undefined) : user.subscribe('division', () => undefined)
    const isKept = async (): Promise<boolean> => {
      app.clock.advance(3 * HOUR)
      await (await app.live.user('bob')).set('division', 1)
      return user.loaded
    }
    const [one, two] = [listen(), listen()]
    one()
    one()
    expect(await isKept()).toBe(true)
    two()
    const three = listen()
    expect(await isKept()).toBe(true)
    three()
    expect(await isKept()).toBe(false)
  })

  it('rejects an update of an unknown user, rather than use the default', async () => {
    const app = await App.start()
    const user = await app.live.user('ann')
    expect(user.loaded).toBe(false)
    const message = expect.stringContaining(
      'Pass store: redisStore(client) or sqlStore(kysely), or set the whole value',
    )
    await expect(user.update('division', () => 1)).rejects.toMatchObject({
      code: 'not_loaded',
      key: 'division',
      message,
    })
    expect(user.has('division')).toBe(false)
  })

  it("rejects the browser's own fields", async () => {
    const app = await App.start()
    const user = await app.live.user('ann')
    expect(() => user.get('theme' as never)).toThrow(
      'get("theme"): the field has scope: \'browser\', and a user may have several browsers. Use ctx.liveSession or socket.liveSession',
    )
    await expect(user.set('theme' as never, 'dark' as never)).rejects.toMatchObject({ code: 'undeclared_key' })
  })

  it('rejects an empty id', async () => {
    const app = await App.start()
    await expect(app.live.user('')).rejects.toThrow('user(id): expected a string of 1 to 256 characters')
  })
})
