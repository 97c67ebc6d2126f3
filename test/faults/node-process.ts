import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { PartitionProxy } from './partition-proxy.js'

/** The most attempts to start a node. */
const STARTS = 5

/** A node in its own process, which can be killed or stopped, and restarted. */
export class NodeProcess {
  readonly #script: string
  readonly #env: NodeJS.ProcessEnv
  readonly #adapter: PartitionProxy
  #child: ChildProcess | undefined
  /** Its last output. */
  #lastWords = ''
  #port = 0

  private constructor(script: string, env: NodeJS.ProcessEnv, adapter: PartitionProxy) {
    this.#script = script
    this.#env = env
    this.#adapter = adapter
  }

  static async start(
    script: string,
    storePath: string,
    secret: string,
    more: NodeJS.ProcessEnv = {},
  ): Promise<NodeProcess> {
    const adapter = await PartitionProxy.start(storePath)
    const env = { ...process.env, ...more, STORE_PATH: storePath, ADAPTER_PATH: adapter.path, SITE_SECRET: secret }
    const node = new NodeProcess(script, env, adapter)
    await node.start()
    return node
  }

  /** Undefined while the node does not run. */
  get port(): number | undefined {
    return this.#child ? this.#port : undefined
  }

  /** Resolves when the node listens. If it ends at once, as during an outage of Redis, it starts again, as under a process manager. */
  async start(): Promise<void> {
    for (let left = STARTS - 1; ; left -= 1) {
      try {
        return await this.#begin()
      } catch (error) {
        if (left === 0) throw error
      }
    }
  }

  async #begin(): Promise<void> {
    const child = fork(this.#script, { env: this.#env, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data) => {
        this.#lastWords = (this.#lastWords + String(data)).slice(-4000)
      })
    await this.#message(child)
    child.send(0)
    const { port } = (await this.#message(child)) as AddressInfo
    this.#port = port
    this.#child = child
    child.once('exit', (code, signal) => {
      if (this.#child !== child) return
      this.#child = undefined
      console.error(`a node ended unexpectedly: ${code ?? signal}\n${this.#lastWords}`)
    })
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (!child) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** Pauses the process, whatever it is doing. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Cuts its adapter's connection. */
  cut(): void {
    this.#adapter.cut()
  }

  heal(): void {
    this.#adapter.heal()
  }

  async stop(): Promise<void> {
    await this.end('SIGKILL')
    await this.#adapter.stop()
  }

  async #message(child: ChildProcess): Promise<unknown> {
    const [message] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code, signal]) => {
        throw new Error(`a node ended before it was ready: ${code ?? signal}\n${this.#lastWords}`)
      }),
    ])
    return message
  }
}
