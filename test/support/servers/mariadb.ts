import { mkdirSync } from 'node:fs'
import { type Daemon, startDaemon } from './daemon.js'
import { Folder } from './folder.js'
import { located, MARIADB } from './installed.js'

const TEXTS = ['--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci']
/** Its data need not outlive the test. */
const FAST = ['--innodb-flush-log-at-trx-commit=0', '--innodb-log-file-size=8M', '--innodb-buffer-pool-size=32M']

/** A separate MariaDB, on a Unix socket, without access control and without a database. */
export class MariadbServer {
  readonly user = 'root'
  readonly #folder = new Folder()
  readonly #options: readonly string[]
  #daemon: Daemon | undefined

  private constructor(options: readonly string[]) {
    this.#options = options
  }

  /** @param options as on the command line: `'--innodb-flush-log-at-trx-commit=1'` */
  static async start(...options: readonly string[]): Promise<MariadbServer> {
    const server = new MariadbServer(options)
    // Starts on an empty folder, because mariadb-install-db takes three seconds for unused tables.
    mkdirSync(server.#folder.in('data'))
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const own = [
      '--no-defaults',
      '--skip-grant-tables',
      `--datadir=${this.#folder.in('data')}`,
      `--socket=${this.path}`,
      `--pid-file=${this.#folder.in('pid')}`,
      '--skip-networking',
      ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    ]
    const isReady = /ready for connections/
    this.#daemon = await startDaemon(located(MARIADB), [...own, ...TEXTS, ...FAST, ...this.#options], { isReady })
  }

  get path(): string {
    return this.#folder.in('mariadb.sock')
  }

  /** Shuts down in order, because after a kill MariaDB's own new files may not be on disk. */
  async shutDown(): Promise<void> {
    await this.#daemon?.end('SIGTERM')
    this.#daemon = undefined
  }

  /** Kills it in the middle of whatever it does. */
  async kill(): Promise<void> {
    await this.#daemon?.end('SIGKILL')
    this.#daemon = undefined
  }

  async stop(): Promise<void> {
    await this.kill()
    this.#folder.remove()
  }
}
