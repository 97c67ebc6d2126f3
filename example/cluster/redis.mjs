import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'

const COMMANDS = ['redis-server', 'valkey-server']
/** Folders to search besides PATH: on Debian, not every user's PATH has `redis-server`. */
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin']
const SETPRIV = '/usr/bin/setpriv'

/** Returns the path of redis-server, or undefined if not installed. */
export function findRedis() {
  const { REDIS_SERVER, PATH = '' } = process.env
  const folders = [...PATH.split(delimiter), ...FOLDERS]
  const places = REDIS_SERVER ? [REDIS_SERVER] : folders.flatMap((at) => COMMANDS.map((name) => join(at, name)))
  return places.find((place) => existsSync(place))
}

/** Starts a Redis in a temporary folder, on a Unix socket there, to avoid conflicts with other programs. */
export async function startRedis(server, onLoss) {
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'live-session-'))
  const path = join(folder, 'redis.sock')
  const args = ['--port', '0', '--unixsocket', path, '--unixsocketperm', '700', '--dir', folder]
  const child = launch(server, [...args, '--appendonly', 'yes', '--appendfsync', 'everysec'])
  let isEnding = false
  child.once('exit', (code, signal) => {
    if (isEnding) return
    console.error(`Redis ended (${signal ?? code}), and everything with it.`)
    onLoss()
  })
  await ready(child)
  return {
    path,
    async end() {
      isEnding = true
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Starts Redis in its own process group, so that Ctrl-C ends the nodes first. On Linux, Redis also ends if this process crashes. */
function launch(server, args) {
  const options = { stdio: ['ignore', 'pipe', 'inherit'], detached: true }
  if (!existsSync(SETPRIV)) return spawn(server, args, options)
  return spawn(SETPRIV, ['--pdeathsig', 'KILL', '--', server, ...args], options)
}

function ready(child) {
  const printed = []
  return new Promise((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      printed.push(line)
      if (/ready to accept connections/i.test(line)) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`Redis ended before it was ready:\n${printed.join('\n')}`)))
  })
}
