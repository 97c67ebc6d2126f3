import { afterEach, describe, expect, it } from '@jest/globals'
import { Manager, type Socket } from 'socket.io-client'
import { coreOf } from '../../server/plugin.js'
import type { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { nextRefusal } from '../support/app/refused.js'
import { startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const NAMESPACES = ['/', '/chat', '/notices', '/orders', '/presence']
const limits = { socketsPerVisitor: 4 }

const managers: Manager[] = []
afterEach(() => {
  for (const manager of managers.splice(0)) for (const name of NAMESPACES) manager.socket(name).disconnect()
})

/** A tab of an app: a connection with a socket in each namespace. */
class Tab {
  readonly sockets: readonly Socket[]
  readonly errors: unknown[] = []
  readonly #manager: Manager

  constructor({ url, cookie }: Visitor) {
    this.#manager = new Manager(url, {
      transports: ['websocket'],
      extraHeaders: { cookie, origin: url },
      reconnectionDelay: 10,
    })
    managers.push(this.#manager)
    this.sockets = NAMESPACES.map((name) => this.#manager.socket(name))
    for (const socket of this.sockets) socket.on('connect_error', (error) => this.errors.push(error))
  }

  static async open(visitor: Visitor): Promise<Tab> {
    const tab = new Tab(visitor)
    await tab.opened
    return tab
  }

  get opened(): Promise<unknown> {
    return Promise.all(this.sockets.map((socket) => socket.connected || once(socket, 'connect')))
  }

  get connected(): number {
    return this.sockets.filter((socket) => socket.connected).length
  }

  close(): void {
    for (const socket of this.sockets) socket.disconnect()
  }
}

async function start(user?: string) {
  const app = await startWithUsers({ options: { limits } as never })
  for (const name of NAMESPACES) app.io.of(name)
  const visitor = app.visitor()
  await visitor.fetch(user === undefined ? '/set?values={"division":1}' : `/login/now?user=${user}`)
  return { app, visitor }
}

const warningsOf = (app: App): readonly string[] => app.warnings.filter((text) => text.includes('socketsPerVisitor'))

describe('threat 17: the connections of a visitor', () => {
  it('count once, whatever their namespaces', async () => {
    const { app, visitor } = await start('ann')
    const tabs = [await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor)]
    expect(tabs.map(({ connected }) => connected)).toEqual([5, 5, 5, 5])
    expect(warningsOf(app)).toEqual([])
  })

  it.each([
    ['of an anonymous browser', undefined],
    ['of a user, or of a group with one id (threat 123)', 'ann'],
  ])('wait for room with all their sockets, as one warning says: %s', async (_, user) => {
    const { app, visitor } = await start(user)
    const tabs = [await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor)]
    const refusals = [nextRefusal()]
    const late = [new Tab(visitor)]
    expect(await refusals[0]).toMatchObject({ where: 'handshake', code: 'rate_limited' })
    refusals.push(nextRefusal())
    late.push(new Tab(visitor))
    await refusals[1]
    expect(coreOf(app.live).connections.all()).toHaveLength(4)
    const other = app.visitor()
    await other.fetch('/set?values={"division":1}')
    await Tab.open(other)
    // Meanwhile the page saves by POST.
    expect((await visitor.store({ set: [['division', -1, '', 1]] })).status).toBe(200)
    expect(late.map(({ connected }) => connected)).toEqual([0, 0])
    for (const tab of tabs.slice(0, 2)) tab.close()
    for (const tab of late) await tab.opened
    expect(late.map(({ connected, errors }) => [connected, errors])).toEqual([
      [5, []],
      [5, []],
    ])
    expect(warningsOf(app)).toEqual([
      'koa-live-session: limits.socketsPerVisitor: a user or guest has 4 connections, so further pages get no live updates until one ' +
        'closes. Raise it if an id stands for many people: node_modules/koa-live-session/docs/troubleshooting.md#rate_limited',
    ])
  })

  it('let a waiting page save by POST, then get live updates', async () => {
    const { visitor } = await start()
    const tabs = [await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor)]
    const refused = nextRefusal()
    const page = await visitor.open()
    await refused
    await page.live.set('division', 5)
    expect([page.live.status('division').status, page.socket.connected]).toEqual(['saved', false])
    tabs[0]?.close()
    await page.connected()
    await visitor.store({ set: [['division', -1, '', 6]] })
    await page.shows('division', 6)
  })

  it('each let a waiting page in when several close at once', async () => {
    const { app, visitor } = await start()
    const tabs = [await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor)]
    const late: Tab[] = []
    for (let i = 0; i < 2; i += 1) {
      const refused = nextRefusal()
      late.push(new Tab(visitor))
      await refused
    }
    for (const tab of tabs.slice(0, 2)) tab.close()
    for (const { link } of coreOf(app.live).connections.all().slice(0, 2)) link.terminate()
    for (const tab of late) await tab.opened
    expect(late.map(({ connected }) => connected)).toEqual([5, 5])
  })

  it('are forgotten when they close while they wait', async () => {
    const { app, visitor } = await start()
    const tabs = [await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor), await Tab.open(visitor)]
    const [opened, refused] = [once(app.io.engine, 'connection'), nextRefusal()]
    const impatient = new Tab(visitor)
    const [conn] = await opened
    await refused
    const closed = once(conn, 'close')
    impatient.close()
    await closed
    const again = nextRefusal()
    const patient = new Tab(visitor)
    await again
    tabs[0]?.close()
    await patient.opened
  })
})
