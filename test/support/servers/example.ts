import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { socketAlias } from '../page/page-socket.js'

const INSPECTOR = /^Inspector: (http:\S+)$/
/** A framework's development build reports mistakes. */
const DEFAULTS = { NODE_ENV: 'development', PORT: '0', HOST: '', ALLOWED_HOSTS: '' }
const UP = /^\w+: (http:\S+) \(pid (\d+)\)$/

/** An example app, as `npm start` or another script starts it, on a free port and in its own folder. */
export class Example {
  readonly #process: ChildProcess
  readonly #folder: string
  #url = ''
  #inspector = ''
  /** Process ids of the servers, in order; a line may arrive after its server is up. */
  readonly #pids: number[] = []
  #hasStarted = (): void => undefined
  readonly lines: string[] = []

  private constructor(script: string, args: readonly string[], folder: string, variables: NodeJS.ProcessEnv) {
    this.#folder = folder
    // Its own process group, so that npm, its shell and the server end together.
    this.#process = spawn('npm', ['run', script, ...args], {
      env: {
        ...process.env,
        ...DEFAULTS,
        EXAMPLE_CACHE: folder,
        EXAMPLE_ALIAS: JSON.stringify(socketAlias),
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    if (!this.#process.stdout) throw new Error(`npm run ${script} has no output`)
    createInterface(this.#process.stdout).on('line', (line) => {
      this.lines.push(line)
      this.#inspector = INSPECTOR.exec(line)?.[1] ?? this.#inspector
      const [, url, pid] = UP.exec(line) ?? []
      if (url === undefined) return
      this.#url = url
      this.#pids.push(Number(pid))
      this.#hasStarted()
    })
  }

  /** @param variables of the app's environment, which win over the variables of the tests */
  static async start(
    script = 'start',
    variables: NodeJS.ProcessEnv = {},
    args: readonly string[] = [],
  ): Promise<Example> {
    const example = new Example(script, args, await mkdtemp(join(tmpdir(), 'example-')), variables)
    await example.#isUp(() => example.#pids.length > 0)
    return example
  }

  get url(): string {
    return this.#url
  }

  get inspector(): string {
    return this.#inspector
  }

  /** Asks the current process for its id, because its printed line may be late. */
  async pid(): Promise<number> {
    const { pid } = await (await fetch(`${this.#url}/hood`)).json()
    return pid
  }

  /** Kills the server, and resolves after its restart. */
  async kill(): Promise<void> {
    const pid = await this.pid()
    process.kill(pid, 'SIGKILL')
    await this.#isUp(() => this.#pids.includes(pid) && this.#pids.at(-1) !== pid)
  }

  async stop(): Promise<void> {
    const { pid } = this.#process
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    if (pid !== undefined) process.kill(-pid, 'SIGTERM')
    await ended
    await rm(this.#folder, { recursive: true, force: true })
  }

  #isUp(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#hasStarted = () => {
        if (condition()) resolve()
      }
      this.#hasStarted()
      this.#process.once('exit', (code) => reject(new Error(`the example ended with ${code}`)))
    })
  }
}
