import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { installClient } from './installed-client.js'

/** Vite's development server in its own process: it serves a folder whose pages import this package. */
export class ViteServer {
  readonly url: string
  readonly #process: ChildProcess
  /** Its stderr, which also reports connections ended by closed pages. */
  #errors = ''

  private constructor(folder: string, port: number) {
    this.url = `http://localhost:${port}`
    const args = [resolve('node_modules/vite/bin/vite.js'), '--port', String(port), '--strictPort']
    const env = { ...process.env, NO_COLOR: '1' }
    this.#process = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process.stderr?.on('data', (text) => {
      this.#errors += text
    })
  }

  static async start(folder: string, port: number): Promise<ViteServer> {
    installClient(folder)
    const vite = new ViteServer(folder, port)
    const { stdout } = vite.#process
    for await (const line of stdout ? createInterface(stdout) : []) if (line.includes(vite.url)) return vite
    throw new Error(`Vite has ended before it was there\n${vite.#errors}`)
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, 'exit')
    if (this.#process.kill('SIGKILL')) await ended
  }
}
