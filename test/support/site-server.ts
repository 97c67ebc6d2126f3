import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const folder = process.env['SITE_FOLDER'] ?? ''

/** A child process that loads everything, and then waits to be told where to listen. */
interface Loaded {
  readonly child: ChildProcess
  readonly isLoaded: Promise<unknown>
}

/** The site of test/browser/site in its own process, which is killed and restarted on its port. */
export class SiteServer {
  readonly #env: NodeJS.ProcessEnv = {
    ...process.env,
    // Unchanged after a restart, as an app keeps its secret.
    SITE_SECRET: randomBytes(32).toString('base64url'),
    SITE_FOLDER: folder,
  }
  #next: Loaded = this.#load()
  #running: ChildProcess | undefined
  #port = 0

  static async start(): Promise<SiteServer> {
    const server = new SiteServer()
    await server.start()
    return server
  }

  get port(): number {
    return this.#port
  }

  get isUp(): boolean {
    return this.#running !== undefined
  }

  async start(): Promise<void> {
    if (this.#running) return
    const { child, isLoaded } = this.#next
    this.#next = this.#load()
    await isLoaded
    child.send(this.#port)
    const [address] = (await once(child, 'message')) as [AddressInfo]
    this.#port = address.port
    this.#running = child
  }

  /** Kills the server: its memory is lost. */
  async kill(): Promise<void> {
    const child = this.#running
    this.#running = undefined
    if (child) await end(child)
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.kill()
    await end(this.#next.child)
  }

  #load(): Loaded {
    const child = fork(join(folder, 'server.cjs'), { env: this.#env, execArgv: [] })
    return { child, isLoaded: once(child, 'message') }
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
