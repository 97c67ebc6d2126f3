// Starts the server, and restarts it after the page's button has ended it.
import { spawn } from 'node:child_process'

const RESTART = 75
let server

function start() {
  server = spawn(process.execPath, ['--env-file=.env', '--import=tsx', 'server.ts'], { stdio: 'inherit' })
  server.on('exit', (code) => (code === RESTART ? start() : process.exit(code ?? 1)))
}

process.on('SIGTERM', () => server.kill())
start()
