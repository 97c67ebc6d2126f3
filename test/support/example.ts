import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const INSPECTOR = /^Inspector: (http:\S+)$/
const UP = /^\w+: (http:\S+) \(pid (\d+)\)$/

/** An example app, as `npm start` or another script starts it: on a free port, with a folder of its own. */
export class Example {
  readonly #process: ChildProcess
  readonly #folder: string
  #url = ''
  #inspector = ''
  #pid = 0
  #starts = 0
  #started = (): void => undefined

  private constructor(script: string, folder: string) {
    this.#folder = folder
    // A process group of its own: npm, its shell and the server end together.
    this.#process = spawn('npm', ['run', script], {
      // A framework's development build says what is wrong.
      env: { ...process.env, NODE_ENV: 'development', PORT: '0', EXAMPLE_CACHE: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    })
    if (!this.#process.stdout) throw new Error(`npm run ${script} has no output`)
    createInterface(this.#process.stdout).on('line', (line) => {
      this.#inspector = INSPECTOR.exec(line)?.[1] ?? this.#inspector
      const [, url, pid] = UP.exec(line) ?? []
      if (url === undefined) return
      this.#url = url
      this.#pid = Number(pid)
      this.#starts += 1
      this.#started()
    })
  }

  static async start(script = 'start'): Promise<Example> {
    const example = new Example(script, await mkdtemp(join(tmpdir(), 'example-')))
    await example.#hasStarted(1)
    return example
  }

  get url(): string {
    return this.#url
  }

  /** What `npm start` has printed: the address that opens the inspector. */
  get inspector(): string {
    return this.#inspector
  }

  /** Ends the server as hard as it gets; resolves when it is up again. */
  async kill(): Promise<void> {
    const again = this.#hasStarted(this.#starts + 1)
    process.kill(this.#pid, 'SIGKILL')
    await again
  }

  async stop(): Promise<void> {
    const { pid } = this.#process
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    if (pid !== undefined) process.kill(-pid, 'SIGTERM')
    await ended
    await rm(this.#folder, { recursive: true, force: true })
  }

  #hasStarted(times: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#started = () => {
        if (this.#starts >= times) resolve()
      }
      this.#process.once('exit', (code) => reject(new Error(`the example ended with ${code}`)))
    })
  }
}
