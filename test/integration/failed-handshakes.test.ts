import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { Socket } from 'socket.io'
import { App } from '../support/app/app.js'
import { fastTime } from '../support/app/fast-time.js'
import type { Page } from '../support/page/page.js'

fastTime(10)

const CALLS = ['handshake middleware', 'identify', 'an io.use() of the app'] as const
type Call = (typeof CALLS)[number]

const EXPLAINED = 'node_modules/koa-live-session/docs/troubleshooting.md#the-socket-comes-back-again-and-again'
const refusal = (reason: string, cause: string): string =>
  `koa-live-session: the socket was refused: ${reason}. Until the server accepts it, changes made elsewhere do not arrive. The page tries ` +
  `again. ${cause}`
const FAILED = refusal(
  'handshake failed',
  `An error of the app in handshake middleware or identify, as the server's log says: ${EXPLAINED}`,
)
const REFUSED = refusal('the quotas are away', 'An io.use() of the app has refused it.')

/** An app of which one call fails in as many handshakes as the test says. */
async function start(failing: Call) {
  let left = 0
  let handshakes = 0
  const attempt = (call: Call, message: string): void => {
    if (call !== failing) return
    handshakes += 1
    left -= 1
    if (left >= 0) throw new Error(message)
  }
  const app = await App.start({
    attach: {
      handshake: async (_, next) => {
        attempt('handshake middleware', 'the sessions are away')
        await next()
      },
      // A recheck would run the calls, too.
      recheck: Number.POSITIVE_INFINITY,
    },
    options: {
      identify: ({ path }: Koa.Context): undefined => {
        if (path.startsWith('/socket.io')) attempt('identify', 'the users are away')
      },
    } as never,
    routes: (ctx) => {
      ctx.body = ctx.liveSession.embed()
    },
  })
  app.io.use((_, next) => {
    try {
      attempt('an io.use() of the app', 'the quotas are away')
      next()
    } catch (error) {
      next(error as Error)
    }
  })
  const sockets: Socket[] = []
  app.io.on('connection', (socket) => sockets.push(socket))
  /** Closes the connection, so that socket.io reconnects; the next handshakes fail. */
  const cut = (failures: number): void => {
    left = failures
    handshakes = 0
    sockets.at(-1)?.conn.close()
  }
  const open = async (): Promise<Page> => {
    const visitor = app.visitor()
    await visitor.text('/')
    const page = await visitor.open({ path: '/' })
    await page.connected()
    return page
  }
  return { app, cut, open, handshakes: () => handshakes, newest: () => sockets.at(-1) }
}

describe('an open page whose handshakes fail', () => {
  it.each(CALLS.flatMap((call) => [1, 5].map((failures) => [call, failures] as const)))(
    'reconnects, whichever call failed: %s, %i times',
    async (call, failures) => {
      const { cut, open, handshakes, newest } = await start(call)
      const page = await open()
      await page.live.set('division', 3)
      const back = page.connected()
      cut(failures)
      await page.live.set('division', 4)
      await back
      expect([handshakes(), page.live.get('division')]).toEqual([failures + 1, 4])
      const shown = page.shows('theme', 'dark')
      await newest()?.liveSession.set('theme', 'dark')
      await shown
    },
  )

  it('sends no extra handshakes if the app reconnects, too', async () => {
    const { cut, open, handshakes } = await start('identify')
    const page = await open()
    page.socket.on('connect_error', () => void page.socket.connect())
    const back = page.connected()
    cut(3)
    await back
    expect(handshakes()).toBe(4)
  })

  it.each([
    ['handshake middleware', FAILED],
    ['identify', FAILED],
    ['an io.use() of the app', REFUSED],
  ] as const)('warns in the console once: %s', async (call, expected) => {
    const { app, cut, open } = await start(call)
    const page = await open()
    const back = page.connected()
    cut(3)
    await back
    expect(app.warnings.filter((text) => text.includes('the socket was refused'))).toEqual([expected])
    expect(app.errors).toHaveLength(call === 'an io.use() of the app' ? 0 : 3)
  })
})
