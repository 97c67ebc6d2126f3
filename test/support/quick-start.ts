import { type ChildProcess, exec, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from './free-port.js'
import { commands, steps } from './readme.js'
import { openRegistry } from './registry.js'

/** A limit for a command that hangs: to build the package takes a busy machine a while. */
const TIMEOUT = 240_000

/**
 * A newcomer who does what the quick start of the README says, word for word: in an empty folder outside of this repository,
 * with the packed package beside it. One thing is changed: the port, as 3000 may be taken.
 */
export class QuickStart {
  readonly #base = mkdtempSync(join(tmpdir(), 'quick-start-'))
  readonly #app = join(this.#base, 'app')
  readonly #startCommand = commands('Quick start').at(-1) ?? ''
  readonly #port: number
  readonly #env: NodeJS.ProcessEnv
  #server: ChildProcess | undefined

  private constructor(port: number, registry: string) {
    this.#port = port
    this.#env = newcomersEnvironment(join(this.#base, 'npm'), registry)
  }

  /** Everything but the last command, which starts the server. */
  static async follow(): Promise<QuickStart> {
    const registry = await openRegistry()
    const quickStart = new QuickStart(await freePort(), registry.url)
    try {
      await quickStart.#pack()
      await quickStart.#prepare()
    } catch (error) {
      await quickStart.remove()
      throw error
    } finally {
      registry.close()
    }
    return quickStart
  }

  get url(): string {
    return `http://localhost:${this.#port}`
  }

  /** Resolves when the server says where it is. */
  async start(): Promise<void> {
    const [program = '', ...args] = this.#startCommand.split(' ')
    const server = spawn(program, args, { cwd: this.#app, env: this.#env, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#server = server
    const [said] = await Promise.race([once(createInterface(server.stdout), 'line'), once(server, 'exit')])
    if (said !== this.url) throw new Error(`${this.#startCommand}: expected ${this.url}, received ${said}`)
  }

  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (!server || server.exitCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }

  /** What a start says that cannot succeed, for want of a file or with something else in the environment. */
  async failToStart({ without, env }: { without?: string; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
    const move = (from: string, to: string): void => {
      if (without !== undefined) renameSync(join(from, without), join(to, without))
    }
    move(this.#app, this.#base)
    try {
      return await this.#run(this.#startCommand, this.#app, env).then(
        (said) => `no error: ${said}`,
        (error: Error) => error.message,
      )
    } finally {
      move(this.#base, this.#app)
    }
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.#base, { recursive: true, force: true })
  }

  /** This repository stands for the clone: what `npm ci` installs there is here. */
  async #pack(): Promise<void> {
    const beside = join(this.#base, 'koa-live-session')
    mkdirSync(beside)
    if (!commands('Install').includes('npm pack')) throw new Error('README.md: Install does not say "npm pack"')
    await this.#run(`npm pack --pack-destination "${beside}"`, process.cwd())
  }

  async #prepare(): Promise<void> {
    mkdirSync(this.#app)
    for (const step of steps('Quick start')) {
      if ('file' in step) {
        writeFileSync(join(this.#app, step.file), step.text.replaceAll('3000', String(this.#port)))
      } else if (step.command !== this.#startCommand) await this.#run(step.command, this.#app)
    }
  }

  #run(command: string, cwd: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      exec(command, { cwd, env: { ...this.#env, ...env }, timeout: TIMEOUT }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${command}\n${stdout}\n${stderr}`))
        else resolve(stdout)
      })
    })
  }
}

/** Without what npm and Jest tell their own children, and without this machine's settings of npm. */
function newcomersEnvironment(npm: string, registry: string): NodeJS.ProcessEnv {
  const isKept = ([name]: [string, unknown]): boolean =>
    !/^npm_|_proxy$|^(NODE_ENV|NODE_OPTIONS|SECRET|CI)$/i.test(name)
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(isKept)),
    npm_config_registry: registry,
    npm_config_cache: join(npm, 'cache'),
    npm_config_userconfig: join(npm, 'npmrc'),
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  }
}
