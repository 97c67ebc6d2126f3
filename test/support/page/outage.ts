import { afterEach, expect } from '@jest/globals'
import { describeWith } from '../app/describe-with.js'
import { FaultProxy } from '../servers/fault-proxy.js'
import { SiteServer } from '../servers/site-server.js'
import { BROWSERS, type Conditions, openBrowser, type Person } from './browser.js'
import { Visitor } from './site-tab.js'

/** Expected errors of a failing network. */
const EXPECTED =
  /Failed to load resource|WebSocket|can’t establish a connection|ERR_|NetworkError|interrupted while the page/

/** A browser, a server in its own process, and a network between them that fails on demand. */
export interface Outage {
  readonly server: SiteServer
  readonly network: FaultProxy
  browse(conditions?: Conditions): Promise<Visitor>
}

/** Runs tests in each browser. */
export function describeInEachBrowser(
  title: string,
  run: (start: () => Promise<Outage>, name: string) => void,
  names: readonly string[] = BROWSERS,
): void {
  for (const name of BROWSERS.filter((browser) => names.includes(browser)))
    describeWith(name, `${title} (${name})`, () => run(prepare(name), name))
}

/** Starts a site for each test; errors in any page fail the test. */
function prepare(name: string): () => Promise<Outage> {
  const people: Person[] = []
  const ends: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const person of people) await person.close()
    for (const end of ends.splice(0).reverse()) await end()
    const complaints = people.splice(0).flatMap((person) => person.complaints)
    expect(complaints.filter((text) => !EXPECTED.test(text))).toEqual([])
  })
  return async () => {
    const server = await SiteServer.start()
    ends.push(() => server.kill())
    const network = await FaultProxy.start(() => server.port)
    ends.push(() => network.stop())
    const browse = async (conditions: Conditions = {}): Promise<Visitor> => {
      const person = await openBrowser({ ...conditions, name })
      people.push(person)
      return new Visitor(person, network.url)
    }
    return { server, network, browse }
  }
}
