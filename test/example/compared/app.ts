import { resolve } from 'node:path'
import { build } from 'esbuild'
import { CookieJar } from 'jsdom'
import { present } from '../../support/app/present.js'
import { type Daemon, startDaemon } from '../../support/servers/daemon.js'
import { FaultProxy } from '../../support/servers/fault-proxy.js'
import { freePort } from '../../support/servers/free-port.js'
import { JsdomTab } from './jsdom-tab.js'

const FOLDER = 'example/comparison'

/** A process on a fixed port. */
interface Node {
  readonly port: number
  daemon: Daemon
}

/** An app of docs/comparison.md, on two nodes with a Redis. */
export class ComparedApp {
  readonly #start: (port: number) => Promise<Daemon>
  readonly #nodes: Node[] = []
  readonly #browsers: ComparedBrowser[] = []

  private constructor(file: string, redis: string) {
    const own = { REDIS_URL: redis, SECRET: 'a secret of at least thirty-two bytes' }
    this.#start = (port) =>
      startDaemon(process.execPath, [file], { isReady: /^http:/m, env: { ...own, PORT: String(port) } })
  }

  /** @param folder for its bundles */
  static async start(name: string, folder: string, redis: string): Promise<ComparedApp> {
    const from = `${FOLDER}/${name}`
    const shared = { bundle: true, tsconfig: `${FOLDER}/tsconfig.json`, outdir: folder, logLevel: 'warning' } as const
    const server = { platform: 'node', format: 'esm', packages: 'external', outExtension: { '.js': '.mjs' } } as const
    await build({ ...shared, ...server, entryPoints: [`${from}/server.ts`] })
    await build({ ...shared, entryPoints: [`${from}/browser.ts`] })
    const app = new ComparedApp(resolve(folder, 'server.mjs'), redis)
    for (const port of [await freePort(), await freePort()]) app.#nodes.push({ port, daemon: await app.#start(port) })
    return app
  }

  portOf(node: number): number {
    return this.#node(node).port
  }

  /** Kills a process, and starts it again. */
  async restart(at: number): Promise<void> {
    const node = this.#node(at)
    await node.daemon.end()
    node.daemon = await this.#start(node.port)
  }

  browser(): ComparedBrowser {
    const browser = new ComparedBrowser((node) => this.portOf(node))
    this.#browsers.push(browser)
    return browser
  }

  async leave(): Promise<void> {
    for (const browser of this.#browsers.splice(0)) await browser.close()
  }

  async stop(): Promise<void> {
    for (const { daemon } of this.#nodes) await daemon.end()
  }

  #node(at: number): Node {
    return present(this.#nodes[at], `node ${at}`)
  }
}

/** A visitor's browser: a cookie jar, and a separate network for each tab. */
class ComparedBrowser {
  readonly #jar = new CookieJar()
  readonly #portOf: (node: number) => number
  readonly #tabs: JsdomTab[] = []

  constructor(portOf: (node: number) => number) {
    this.#portOf = portOf
  }

  /** @param node serves the tab's first request */
  async open(node = 0): Promise<JsdomTab> {
    const network = await FaultProxy.start(() => this.#portOf(tab.node))
    const tab = new JsdomTab(network, this.#jar, node)
    this.#tabs.push(tab)
    await tab.load()
    return tab
  }

  async close(): Promise<void> {
    for (const tab of this.#tabs.splice(0)) {
      tab.close()
      await tab.network.stop()
    }
  }
}
