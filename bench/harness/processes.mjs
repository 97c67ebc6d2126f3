// Starts measured processes on their own processor, apart from the bench.
import { fork, spawn, spawnSync } from 'node:child_process'

function has(command) {
  return spawnSync('which', [command]).status === 0
}

/** Returns options of `fork` to pin a process to a processor, if the system can. */
function pinned(processor, flags) {
  const options = { env: { ...process.env, NODE_ENV: 'production' }, execArgv: flags }
  if (!has('taskset')) return options
  return { ...options, execPath: 'taskset', execArgv: ['-c', String(processor), process.execPath, ...flags] }
}

/**
 * Starts a process with `harness/child.mjs`: resolves when it is ready. `ask` sends it one question at a time.
 *
 * @param flags of Node: `['--expose-gc']`
 */
export async function start(script, args = [], options = {}) {
  const { child, end } = launch(script, args, options)
  const ask = (question, given) => {
    const answer = nextAnswer(child)
    child.send({ question, given })
    return answer
  }
  return { ...(await nextAnswer(child)), ask, end }
}

/** Starts a process without waiting for its readiness. Throws if it ends by itself: its load would wait for answers for ever. */
export function launch(script, args, { flags = [], env = {} } = {}) {
  const options = pinned(0, flags)
  const child = fork(script, args, { ...options, env: { ...options.env, ...env }, serialization: 'advanced' })
  let isEnding = false
  const gone = new Promise((resolve) => {
    child.once('exit', (code) => {
      if (!isEnding) throw new Error(`${child.spawnargs.join(' ')} ended by itself, with ${code}`)
      resolve()
    })
  })
  const end = () => {
    isEnding = true
    child.kill('SIGKILL')
    return gone
  }
  return { child, end }
}

function nextAnswer(child) {
  return new Promise((resolve) => child.once('message', resolve))
}

/** Pins this process to a processor, if the system can. */
export function pinSelf(processor) {
  if (has('taskset')) spawnSync('taskset', ['-cp', String(processor), String(process.pid)])
}

/**
 * Keeps a processor from sleeping, at idle priority, while `run` runs. On a virtual machine, a wake-up costs the server up to
 * 20 us per request: more than the server's own work, and more for a slower server.
 */
export async function awake(processor, run) {
  if (!has('chrt') || !has('taskset')) return run()
  // Ends with this process, even after a crash.
  const spinning = `while (process.ppid === ${process.pid});`
  const spin = ['-i', '0', 'taskset', '-c', String(processor), process.execPath, '-e', spinning]
  const spinner = spawn('chrt', spin, { stdio: 'ignore' })
  try {
    return await run()
  } finally {
    spinner.kill()
  }
}
