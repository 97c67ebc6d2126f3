import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.js'
import type { Newcomer } from './newcomer.js'
import { commands, linesOf, quickStartFiles } from './readme.js'

/** The app of the quick start, as a newcomer has it. Only the port is changed, because 3000 may be taken. */
export class QuickStart {
  readonly folder: string
  readonly #newcomer: Newcomer
  readonly #startCommand: string
  readonly #port: number
  #server: ChildProcess | undefined

  private constructor(newcomer: Newcomer, folder: string, startCommand: string, port: number) {
    this.#newcomer = newcomer
    this.folder = join(newcomer.folder, folder)
    this.#startCommand = startCommand
    this.#port = port
  }

  /** Builds it by hand, as the README says. Both ways stop before the last command, which starts the server. */
  static async byHand(newcomer: Newcomer): Promise<QuickStart> {
    const startCommand = commands('Quick start').at(-1) ?? ''
    const app = new QuickStart(newcomer, 'app', startCommand, await freePort())
    mkdirSync(app.folder)
    for (const { file, text } of quickStartFiles()) app.#write(file, text)
    for (const command of commands('Quick start').slice(0, -1)) await newcomer.run(command, app.folder)
    return app
  }

  /** Copies it, as the starter's README says. */
  static async copied(newcomer: Newcomer): Promise<QuickStart> {
    const [, text = ''] = /^```sh\n(.*?)^```$/ms.exec(readFileSync('example/starter/README.md', 'utf8')) ?? []
    const [, folder = ''] = /^cd (\S+)$/m.exec(text) ?? []
    const lines = linesOf(text)
    const app = new QuickStart(newcomer, folder, lines.at(-1) ?? '', await freePort())
    await newcomer.run(lines.slice(0, -1).join(' && '))
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
