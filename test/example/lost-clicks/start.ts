import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Koa from 'koa'
import { checkHosts, listenAddress, ownOrigin } from '../../../example/server/hosts.js'
import { freePort } from '../../support/servers/free-port.js'
import { RedisServer } from '../../support/servers/redis.js'
import { ComparedApp } from '../compared/app.js'
import { type Clicked, ComparedClicks } from '../compared/clicks.js'

const PAGE = 'test/example/lost-clicks/page.html'

/** A page whose buttons click in both apps, and count lost clicks. */
export interface LostClicks {
  readonly url: string
  stop(): Promise<void>
}

/** Starts a Redis, both apps and the page. @param port 0 for any that is free */
export async function startLostClicks(port: number): Promise<LostClicks> {
  const ofRedis = await freePort()
  const redis = await RedisServer.start(['--bind', '127.0.0.1', '--port', String(ofRedis)])
  mkdirSync('.cache', { recursive: true })
  const folder = mkdtempSync('.cache/lost-clicks-')
  const apps: ComparedApp[] = []
  for (const name of ['by-hand', 'library'])
    apps.push(await ComparedApp.start(name, join(folder, name), `redis://127.0.0.1:${ofRedis}`))
  let guests: readonly ComparedClicks[] = []
  // Serializes acts, even with several open pages.
  let last: Promise<unknown> = Promise.resolve()
  const then = <T>(act: () => Promise<T>): Promise<T> => {
    const done = last.then(act)
    last = done.catch(() => undefined)
    return done
  }
  const begin = async (): Promise<void> => {
    await Promise.all(apps.map((app) => app.leave()))
    guests = await Promise.all(apps.map((app) => ComparedClicks.begin(app)))
  }
  const click = (isKilled: boolean): Promise<readonly Clicked[]> =>
    Promise.all(guests.map((guest) => guest.click(isKilled)))

  const server = new Koa()
  server.use(async (ctx) => {
    const { method, path } = ctx
    if (method === 'GET' && path === '/') {
      await then(begin)
      ctx.body = readFileSync(PAGE, 'utf8')
    }
    if (method === 'POST' && ctx.get('origin') === ctx.URL.origin && ['/click', '/kill'].includes(path))
      ctx.body = await then(() => click(path === '/kill'))
  })
  const http = server.listen(port, listenAddress())
  checkHosts(http)
  await new Promise((resolve) => http.once('listening', resolve))
  return {
    url: ownOrigin((http.address() as AddressInfo).port),
    async stop() {
      http.close()
      await last
      for (const app of apps) {
        await app.leave()
        await app.stop()
      }
      await redis.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
