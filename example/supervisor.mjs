import { spawn } from 'node:child_process'

/** The exit code of a child that asks us to give up. */
const HOPELESS = 2
/** Consecutive immediate crashes before giving up. */
const MAX_FAILURES = 5
/** ms after the start within which a crash counts as immediate. */
const AT_ONCE = 1000
/** ms before the next try, doubled with each failure. */
const DELAY = 50
/** ms for a child to end by itself. */
const PATIENCE = 3000

/** Runs a server as a child process, and restarts it after each crash, until SIGINT or SIGTERM. */
export function supervise(script, { port, title }) {
  let child
  let timer
  let failures = 0
  let isEnding = false

  const start = () => {
    const startedAt = Date.now()
    let isUp = false
    child = spawn(process.execPath, ['--enable-source-maps', script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, PORT: String(port), TITLE: title },
    })
    child.once('message', (message) => {
      isUp = true
      // With port 0, the next child must listen on the same port.
      port = message.port
    })
    child.once('exit', (code, signal) => {
      if (isEnding) process.exit(0)
      if (code === HOPELESS) process.exit(1)
      // A child killed from outside did not fail.
      const isFailure = !isUp || (signal === null && Date.now() - startedAt < AT_ONCE)
      failures = isFailure ? failures + 1 : 0
      if (failures < MAX_FAILURES) timer = setTimeout(start, DELAY * 2 ** failures)
      else {
        console.error(`The server ended ${failures} times as soon as it was started: see above. Giving up.`)
        process.exit(1)
      }
    })
  }

  const end = () => {
    isEnding = true
    clearTimeout(timer)
    if (!isRunning(child)) process.exit(0)
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), PATIENCE)
  }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  start()
}

function isRunning({ exitCode, signalCode }) {
  return exitCode === null && signalCode === null
}
