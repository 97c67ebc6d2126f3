import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../servers/free-port.js'
import { snippet } from './readme.js'

type Texts = Readonly<Record<string, string>>

interface DocsServerOptions {
  readonly others?: Texts
  readonly variables?: Texts
  readonly change?: (text: string) => string
}

/** A server from a document, in its own process. Only the port is changed, because 3000 may be taken. */
export class DocsServer {
  readonly url: string
  readonly folder: string
  readonly #file: string
  #process: ChildProcess | undefined

  private constructor(page: string, file: string, port: number, { others = {}, change }: DocsServerOptions) {
    mkdirSync('.cache', { recursive: true })
    this.folder = mkdtempSync(resolve('.cache/docs-'))
    this.url = `http://localhost:${port}`
    this.#file = file
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }')
    const text = snippet(file, page).replaceAll('3000', String(port))
    writeFileSync(join(this.folder, file), change ? change(text) : text)
    for (const [name, text] of Object.entries(others)) writeFileSync(join(this.folder, name), text)
  }

  static async start(page: string, file: string, options: DocsServerOptions = {}): Promise<DocsServer> {
    const server = new DocsServer(page, file, await freePort(), options)
    await server.start(options.variables)
    return server
  }

  async start(variables: Texts = {}): Promise<void> {
    const env = {
      ...process.env,
      TSX_TSCONFIG_PATH: resolve('tsconfig.json'),
      SECRET: 'a secret of at least thirty-two bytes',
      ...variables,
    }
    const args = ['--import', 'tsx', this.#file]
    const server = spawn(process.execPath, args, { cwd: this.folder, env, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#process = server
    const [said] = await Promise.race([once(createInterface(server.stdout), 'line'), once(server, 'exit')])
    if (said !== this.url) throw new Error(`${this.#file}: expected ${this.url}, received ${said}`)
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  /** Ends the server, and resolves with its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const server = this.#process
    this.#process = undefined
    if (!server || server.exitCode !== null || server.signalCode !== null) return server?.exitCode ?? null
    const ended = once(server, 'exit')
    server.kill(signal)
    const [code] = await ended
    return code
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
