import { afterAll, afterEach, beforeAll, expect } from '@jest/globals'
import { Visitor } from './browser-visitor.js'
import { connectChromium } from './chromium-engine.js'
import { describeWith } from './describe-with.js'
import type { Conditions, Engine } from './driver.js'
import { FaultProxy } from './fault-proxy.js'
import { launchFirefox } from './firefox-engine.js'
import { isAll } from './scope.mjs'
import { SiteServer } from './site-server.js'

/** The browsers that tests run in: Firefox would double the time, and differs little. */
export const BROWSERS = [
  { name: 'Chromium', start: connectChromium },
  ...(isAll ? [{ name: 'Firefox', start: launchFirefox }] : []),
]

/** Browser errors that are expected, because the tests are about a failing network. */
const EXPECTED =
  /Failed to load resource|WebSocket|can’t establish a connection|ERR_|NetworkError|interrupted while the page/

/** A browser, a server in its own process, and a network between them that fails on demand. */
export interface Outage {
  readonly server: SiteServer
  readonly network: FaultProxy
  /** A visitor's browser. */
  browse(conditions?: Conditions): Promise<Visitor>
}

/** Runs tests in each browser. */
export function describeInEachBrowser(
  title: string,
  run: (start: () => Promise<Outage>, name: string) => void,
  names: readonly string[] = BROWSERS.map(({ name }) => name),
): void {
  for (const { name, start } of BROWSERS.filter((browser) => names.includes(browser.name)))
    describeWith(name, `${title} (${name})`, () => run(prepare(start), name))
}

/** Starts the browser once, and a site for each test; errors in any page fail the test. */
function prepare(start: () => Promise<Engine>): () => Promise<Outage> {
  let engine: Engine
  const ends: (() => Promise<unknown>)[] = []
  const errors: string[] = []
  beforeAll(async () => {
    engine = await start()
  })
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
    expect(errors.splice(0)).toEqual([])
  })
  afterAll(async () => {
    await engine?.close()
  })
  return async () => {
    const server = await SiteServer.start()
    ends.push(() => server.stop())
    const network = await FaultProxy.start(() => server.port)
    ends.push(() => network.stop())
    const browse = async (conditions: Conditions = {}): Promise<Visitor> => {
      const person = await engine.open(conditions, (text) => {
        if (!EXPECTED.test(text)) errors.push(text)
      })
      ends.push(() => person.close())
      return new Visitor(person, network.url)
    }
    return { server, network, browse }
  }
}
