import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** ms before a dead node restarts: time to see the other node keep working. */
const PAUSE = 5000
/** ms for a node to end by itself. */
const PATIENCE = 3000

/** A process of the app, restarted after a crash. */
export class ClusterNode {
  name
  isUp = false
  /** Number of open WebSockets, counted by the proxy. */
  sockets = 0
  #script
  #env
  #child
  #timer
  #port
  /** Where browsers open the app: the proxy's URL. */
  #url
  #isEnding = false

  constructor(name, script, env) {
    this.name = name
    this.#script = script
    this.#env = env
  }

  get pid() {
    return this.#child?.pid
  }

  get port() {
    return this.#port
  }

  get url() {
    return this.#url
  }

  /** Resolves when the node listens; rejects if its process ends first. */
  start() {
    const child = spawn(process.execPath, ['--enable-source-maps', this.#script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...this.#env, PORT: '0' },
    })
    this.#child = child
    return new Promise((resolve, reject) => {
      child.once('message', ({ port, url }) => {
        this.#port = port
        this.#url = url
        this.isUp = true
        resolve()
      })
      child.once('exit', (code, signal) => {
        const wasUp = this.isUp
        this.isUp = false
        this.sockets = 0
        if (!wasUp) reject(new Error(`node ${this.name} ended with ${signal ?? code} before it listened`))
        else if (!this.#isEnding) this.#startAgain(signal ?? code)
      })
    })
  }

  async end() {
    this.#isEnding = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
    await once(child, 'exit')
    clearTimeout(late)
  }

  #startAgain(reason) {
    console.log(`Node ${this.name} ended (${reason}). It is started again in ${PAUSE / 1000} s.`)
    this.#timer = setTimeout(() => {
      this.start().then(
        () => console.log(`Node ${this.name} is process ${this.pid}.`),
        (error) => this.#isEnding || this.#startAgain(error.message),
      )
    }, PAUSE)
  }
}
