import type Koa from 'koa'
import { type TestClock, testClock } from 'koa-live-session/testing'
import { App, type AppFields } from './app.js'
import { account, auth, identify } from './auth.js'
import { Bus } from './bus.js'

/** Two nodes of an app with users who sign in, connected by an adapter that can be cut. */
export interface Cluster {
  readonly bus: Bus
  readonly clock: TestClock
  readonly one: App
  readonly two: App
}

/** @param optionsOf options of the first and the second node, besides users */
export async function startCluster(
  optionsOf: (node: 1 | 2) => object = () => ({}),
  routes: Koa.Middleware = account,
): Promise<Cluster> {
  const bus = new Bus()
  const clock = testClock()
  const start = async (node: 1 | 2): Promise<App> => {
    const app = await App.start<AppFields>({
      clock,
      routes,
      before: (koa) => [auth(koa)],
      options: { identify, ...optionsOf(node) } as never,
    })
    bus.join(app.io)
    return app
  }
  return { bus, clock, one: await start(1), two: await start(2) }
}
