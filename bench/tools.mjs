import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))]
}

/** Options of `fork` that keep a process on one processor, where the system can. */
export function pinned(processor) {
  const options = { env: { ...process.env, NODE_ENV: 'production' } }
  return has('taskset')
    ? { ...options, execPath: 'taskset', execArgv: ['-c', String(processor), process.execPath] }
    : options
}

/** Keeps this process on one processor, where the system can. */
export function pinSelf(processor) {
  if (has('taskset')) spawnSync('taskset', ['-cp', String(processor), String(process.pid)])
}

/**
 * Keeps a processor from sleeping, at idle priority, while `run` runs. To wake a sleeping one costs the server up to 20 us a
 * request on a virtual machine: more than all it does, and the more the slower it is.
 */
export async function awake(processor, run) {
  if (!has('chrt') || !has('taskset')) return run()
  // It ends with this process, whatever ends that.
  const spinning = 'const parent = process.ppid; while (process.ppid === parent);'
  const spin = ['-i', '0', 'taskset', '-c', String(processor), process.execPath, '-e', spinning]
  const spinner = spawn('chrt', spin, { stdio: 'ignore' })
  try {
    return await run()
  } finally {
    spinner.kill()
  }
}

export function report(target, value, sign, goal) {
  const met = sign === '>=' ? value >= goal : value <= goal
  console.log(`${met ? 'reached' : 'MISSED '}  ${target}: ${value.toFixed(3)} (${sign} ${goal})`)
}

/** Runs with a Redis of our own on a unix socket, or with none where it is not installed. */
export async function withRedis(run) {
  if (!has('redis-server')) {
    console.log('redis-server is not installed, its comparison is left out (Debian: apt-get install -y redis-server)')
    return run(undefined)
  }
  const folder = mkdtempSync(join(tmpdir(), 'live-bench-'))
  const path = join(folder, 'redis.sock')
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', folder], {
    stdio: 'ignore',
  })
  try {
    await connectable(path)
    return await run(path)
  } finally {
    redis.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function connectable(path) {
  for (;;) {
    const connected = await new Promise((resolve) => {
      const socket = createConnection(path, () => resolve(socket.end()))
      socket.on('error', () => resolve(undefined))
    })
    if (connected) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function has(command) {
  return spawnSync('which', [command]).status === 0
}
