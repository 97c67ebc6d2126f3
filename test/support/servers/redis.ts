import { type Daemon, startDaemon } from './daemon.js'
import { Folder } from './folder.js'
import { located, REDIS } from './installed.js'

/** A separate Redis, on a Unix socket. */
export class RedisServer {
  readonly #folder = new Folder()
  readonly #options: readonly string[]
  readonly #env: NodeJS.ProcessEnv
  #daemon: Daemon | undefined

  private constructor(options: readonly string[], env: NodeJS.ProcessEnv) {
    this.#options = options
    this.#env = env
  }

  /** @param options as on the command line: `['--appendonly', 'yes']` */
  static async start(options: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<RedisServer> {
    const server = new RedisServer(options, env)
    await server.start()
    return server
  }

  get path(): string {
    return this.#folder.in('redis.sock')
  }

  async start(): Promise<void> {
    const own = ['--port', '0', '--unixsocket', this.path, '--dir', this.#folder.path, '--save', '']
    const isReady = /ready to accept connections/i
    this.#daemon = await startDaemon(located(REDIS), [...own, ...this.#options], { isReady, env: this.#env })
  }

  /** Kills it in the middle of whatever it does. */
  async kill(): Promise<void> {
    const daemon = this.#daemon
    this.#daemon = undefined
    await daemon?.end('SIGKILL')
  }

  /** Stops the process: its clients receive nothing until it resumes. */
  pause(): void {
    if (this.#daemon) process.kill(this.#daemon.pid, 'SIGSTOP')
  }

  resume(): void {
    if (this.#daemon) process.kill(this.#daemon.pid, 'SIGCONT')
  }

  async stop(): Promise<void> {
    await this.kill()
    this.#folder.remove()
  }
}
