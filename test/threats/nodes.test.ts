import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { account } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { startCluster } from '../support/app/cluster.js'
import { appOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { signedInAs } from '../support/app/users.js'

describe('threat 9: another node during a slow sign-out', () => {
  it('finally disconnects a socket that has only the app’s session', async () => {
    const gate = new Gate()
    const { one, two } = await startCluster(undefined, async (ctx, next) => {
      await account(ctx, next)
      if (ctx.path === '/logout/leave') await gate.pass()
    })
    const ann = await signedInAs(one)
    const session = appOnly(ann.cookie)
    const leaving = ann.fetch('/logout/leave')
    await gate.entered
    const socket = await two.visitor(session.join('; ')).connect()
    gate.open()
    await leaving
    const change = socket.change('division', 66).then(() => 'taken')
    expect(await Promise.race([socket.closed, change])).not.toBe('taken')
    expect((await two.live.user('ann')).get('division')).toBe(-1)
  })
})

describe('threat 95: two apps with the same adapter', () => {
  const [FORMER, NEW, OTHER] = ['former', 'new', 'other'].map((name) => `${name} secret of at least thirty-two bytes`)

  async function start(...secrets: (readonly (string | undefined)[])[]): Promise<App[]> {
    const bus = new Bus()
    return Promise.all(
      secrets.map(async (keys) => {
        const app = await App.start({ keys: keys.map(String), options: { identify: () => 'ann' } as never })
        bus.join(app.io)
        return app
      }),
    )
  }
  const warningsOf = ({ warnings }: App): readonly string[] => warnings.filter((text) => text.includes('another app'))
  const divisionOf = async ({ live }: App): Promise<unknown> => (await live.user('ann')).get('division')

  it('ignore each other\u2019s messages, with a warning', async () => {
    const [one, two] = (await start([NEW], [OTHER])) as [App, App]
    await (await two.live.user('ann')).set('division', 3)
    const socket = await two.visitor(cookieFor(two.live, { userId: 'ann' })).connect()
    for (const division of [66, 67]) await (await one.live.user('ann')).set('division', division)
    await one.live.revoke('ann')
    expect(await divisionOf(two)).toBe(3)
    expect(await socket.change('division', 4)).toHaveProperty('stamp')
    const text =
      'koa-live-session: ignored a live_session:merge message of another app, whose secrets this process does not have. Processes of ' +
      'one app share their secrets; give each app a prefix of its own in the adapter: node_modules/koa-live-session/docs/troubleshooting.md#messages-of-another-app'
    // Each app has warned once, and both log to this console.
    expect(warningsOf(two)).toEqual([text, text])
  })

  it('accept each other’s messages while secrets rotate', async () => {
    const [one, two] = (await start([FORMER], [NEW, FORMER])) as [App, App]
    await (await one.live.user('ann')).set('division', 3)
    expect(await divisionOf(two)).toBe(3)
    await (await two.live.user('ann')).set('division', 4)
    expect(await divisionOf(one)).toBe(4)
    expect([...warningsOf(one), ...warningsOf(two)]).toEqual([])
  })
})
