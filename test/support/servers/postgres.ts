import { dirname, join } from 'node:path'
import { type Daemon, runCommand, startDaemon } from './daemon.js'
import { Folder, unprivileged } from './folder.js'
import { located, POSTGRES } from './installed.js'

/** Its data need not outlive the test. */
const FAST = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off']

/** A separate PostgreSQL, on a Unix socket, with one user and an empty database. */
export class PostgresServer {
  readonly user = 'live'
  readonly database = 'postgres'
  readonly #account = unprivileged()
  readonly #command = located(POSTGRES)
  readonly #folder = new Folder(this.#account)
  readonly #options: readonly string[]
  #daemon: Daemon | undefined

  private constructor(options: readonly string[]) {
    this.#options = options
  }

  /** @param options as on the command line: `'-c', 'fsync=on'` */
  static async start(...options: readonly string[]): Promise<PostgresServer> {
    const server = new PostgresServer(options)
    const settings = ['-U', 'live', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C']
    await runCommand(
      join(dirname(server.#command), 'initdb'),
      ['-D', server.#folder.in('data'), ...settings],
      server.#account,
    )
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const own = ['-D', this.#folder.in('data'), '-k', this.#folder.path, '-c', 'listen_addresses=']
    const isReady = /database system is ready to accept connections/
    const args = [...own, ...FAST, ...this.#options]
    this.#daemon = await startDaemon(this.#command, args, { isReady, user: this.#account })
  }

  /** The folder of its socket, which `pg` takes as the host. */
  get host(): string {
    return this.#folder.path
  }

  /** Ends all its processes at once, as a power cut does. */
  async kill(): Promise<void> {
    await this.#daemon?.end('SIGQUIT')
    this.#daemon = undefined
  }

  async stop(): Promise<void> {
    await this.kill()
    this.#folder.remove()
  }
}
