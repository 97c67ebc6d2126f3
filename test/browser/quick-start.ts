import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Newcomer } from '../support/docs/newcomer.js'
import { commands, snippetsOf } from '../support/docs/readme.js'
import { freePort } from '../support/servers/free-port.js'

const GETTING_STARTED = 'docs/getting-started.md'

/** The app of the quick start or of getting started, as a newcomer has it. Only the port is changed, because 3000 may be taken. */
export class QuickStart {
  readonly folder: string
  readonly #newcomer: Newcomer
  readonly #startCommand: string
  readonly #port: number
  #server: ChildProcess | undefined

  private constructor(newcomer: Newcomer, folder: string, startCommand: string, port: number) {
    this.#newcomer = newcomer
    this.folder = folder
    this.#startCommand = startCommand
    this.#port = port
  }

  /** Builds the app of getting started by hand, as that page says: all but the last command, which starts the server. */
  static async byHand(newcomer: Newcomer): Promise<QuickStart> {
    const steps = commands(GETTING_STARTED)
    const app = new QuickStart(newcomer, join(newcomer.folder, 'app'), steps.at(-1) ?? '', await freePort())
    mkdirSync(app.folder)
    for (const { file = '', text } of snippetsOf(GETTING_STARTED)) app.#write(file, text)
    for (const command of steps.slice(0, -1)) await newcomer.run(command, app.folder)
    return app
  }

  /** Copies and installs the starter, as the README says. The first two commands, `npm ci` and that of packing, have been run. */
  static async copied(newcomer: Newcomer): Promise<QuickStart> {
    const steps = commands('README.md', 'Quick start').slice(2)
    const folder = steps.find((step) => step.startsWith('cd '))?.slice('cd '.length) ?? ''
    await newcomer.run(steps.slice(0, -1).join(' && '), newcomer.clone)
    const app = new QuickStart(newcomer, join(newcomer.clone, folder), steps.at(-1) ?? '', await freePort())
    app.#write('server.ts', app.read('server.ts'))
    return app
  }

  get url(): string {
    return `http://localhost:${this.#port}`
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  /** Resolves when the server prints its address. */
  async start(): Promise<void> {
    const [program = '', ...args] = this.#startCommand.split(' ')
    // Its own process group, so that npm, its shell and the server end together.
    const server = spawn(program, args, {
      cwd: this.folder,
      env: this.#newcomer.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#server = server
    const said: string[] = []
    server.stderr.on('data', (text) => said.push(String(text)))
    const started = new Promise<boolean>((resolve) => {
      createInterface(server.stdout).on('line', (line) => {
        said.push(line)
        if (line === this.url) resolve(true)
      })
    })
    if (await Promise.race([started, once(server, 'exit').then(() => false)])) return
    throw new Error(`${this.#startCommand}: expected ${this.url}, received ${said.join('\n')}`)
  }

  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server?.pid === undefined || server.exitCode !== null) return
    const ended = once(server, 'exit')
    process.kill(-server.pid, 'SIGKILL')
    await ended
  }

  /** Returns the output of a start that must fail, because a file is missing or the environment is different. */
  async failToStart({ without, env }: { without?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
    const move = (from: string, to: string): void => {
      if (without !== undefined) renameSync(join(from, without), join(to, without))
    }
    move(this.folder, this.#newcomer.folder)
    try {
      return await this.#newcomer.run(this.#startCommand, this.folder, env).then(
        (said) => `no error: ${said}`,
        (error: Error) => error.message,
      )
    } finally {
      move(this.#newcomer.folder, this.folder)
    }
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text.replaceAll('3000', String(this.#port)))
  }
}
