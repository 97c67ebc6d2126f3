import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'

const SETPRIV = '/usr/bin/setpriv'

/** A server in its own process. */
export interface Daemon {
  readonly pid: number
  /** Ends the process, and resolves afterwards. */
  end(signal?: NodeJS.Signals): Promise<void>
}

export interface DaemonOptions {
  /** The output of a server that accepts connections. */
  readonly isReady: RegExp
  /** User id, if not that of this process. */
  readonly user?: number | undefined
  readonly env?: NodeJS.ProcessEnv
}

/** Starts a server; rejects with its output after an early end. */
export async function startDaemon(command: string, args: readonly string[], options: DaemonOptions): Promise<Daemon> {
  const child = launch(command, args, options)
  const gone = once(child, 'exit')
  await ready(child, options.isReady)
  const { pid } = child
  if (pid === undefined) throw new Error(`${command}: no process`)
  return {
    pid,
    async end(signal = 'SIGKILL') {
      child.kill(signal)
      await gone
    },
  }
}

/** Runs a command; rejects with its output after a failure. */
export async function runCommand(command: string, args: readonly string[], user?: number): Promise<void> {
  const child = launch(command, args, { user })
  const print = listen(child)
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ended with ${code}\n${print()}`)
}

/** Starts a process, which on Linux ends with this process. */
function launch(command: string, args: readonly string[], { user, env }: Omit<DaemonOptions, 'isReady'>): ChildProcess {
  const options: SpawnOptions = { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/', env: { ...process.env, ...env } }
  if (user !== undefined) options.uid = user
  if (!existsSync(SETPRIV)) return spawn(command, args, options)
  return spawn(SETPRIV, ['--pdeathsig', 'KILL', '--', command, ...args], options)
}

function listen(child: ChildProcess, hear: (text: string) => void = () => undefined): () => string {
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data) => {
      printed += String(data)
      hear(printed)
    })
  }
  return () => printed
}

function ready(child: ChildProcess, isReady: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    const print = listen(child, (text) => {
      if (isReady.test(text)) resolve()
    })
    child.on('error', reject)
    child.on('close', () => reject(new Error(`${child.spawnargs.join(' ')} ended before it was ready\n${print()}`)))
  })
}
