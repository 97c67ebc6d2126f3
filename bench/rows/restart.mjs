// Target 7: a process restarts: the time to its first correct response, and until a page has its socket again. As installed, where Node
// loads each file of each package, and bundled into a single file.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { io } from 'socket.io-client'
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { cookieOf } from '../harness/http-server.mjs'
import { launch } from '../harness/processes.mjs'
import { sleep } from '../harness/statistics.mjs'
import { support } from '../harness/support.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'
import { cookiesOf } from '../servers/sockets/app.mjs'

const { freePort } = await support('servers/free-port')

const SERVER = fileURLToPath(new URL('../servers/restart.mjs', import.meta.url))
const WITHOUT = 'Koa, koa-session and socket.io'
const OURS = 'the same and this library'

export const restart = {
  title: 'A process starts again',
  async run({ rounds }) {
    const folder = mkdtempSync(join(tmpdir(), 'live-restart-'))
    try {
      const installed = await compare({ [WITHOUT]: app('bare', SERVER), [OURS]: app('live', SERVER) }, { rounds })
      const file = await bundle(folder)
      const bundled = await compare({ [WITHOUT]: app('bare', file), [OURS]: app('live', file) }, { rounds })
      return {
        tables: [table('as installed', installed), table('bundled by esbuild', bundled)],
        goals: [...goals('', installed), ...goals(', bundled', bundled)],
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

function table(title, measured) {
  return tableOf(title, namesOf(measured), {
    'first right answer, ms': (name) => measured.of(name, 'first'),
    'of the same without': (name) => measured.toBase(name, 'first'),
    'page back on its socket, ms': (name) => measured.of(name, 'back'),
  })
}

function goals(how, measured) {
  const back = measured.of(OURS, 'back')
  return [
    judge(`first right answer${how} / without`, measured.toBase(OURS, 'first'), '<=', 1.3, measured.noise('first')),
    judge(`ms until a page is back on its socket${how}`, back, '<=', 400, measured.noiseOf('back', 400)),
  ]
}

/** Returns the server as a single file, including its packages. */
async function bundle(folder) {
  const outfile = join(folder, 'server.mjs')
  // As in docs/deployment.md: packages in CommonJS call `require` for Node's own modules.
  const banner = { js: "const require = (await import('node:module')).createRequire(import.meta.url)" }
  await build({ entryPoints: [SERVER], outfile, banner, bundle: true, platform: 'node', format: 'esm' })
  return outfile
}

function app(mode, file) {
  return async () => ({
    async sample() {
      const port = await freePort()
      const server = launch(file, [mode, port])
      const answer = await firstAnswer(port, '', '/begin')
      const cookie = mode === 'live' ? cookiesOf(1)[0] : answer.cookie
      // As docs/options.md recommends for a quick reconnect.
      const delays = { reconnectionDelay: 50, reconnectionDelayMax: 500 }
      const url = `http://127.0.0.1:${port}`
      const socket = io(url, { transports: ['websocket'], extraHeaders: { cookie, origin: url }, ...delays })
      await connected(socket)
      await server.end()
      const began = performance.now()
      const back = connected(socket).then(() => performance.now() - began)
      const again = launch(file, [mode, port])
      const { body } = await firstAnswer(port, cookie, '/')
      if (body !== '0') throw new Error(`answered ${body}`)
      const first = performance.now() - began
      const figures = { first, back: await back }
      socket.close()
      await again.end()
      return figures
    },
  })
}

const connected = (socket) => new Promise((resolve) => socket.once('connect', resolve))

async function firstAnswer(port, cookie, path) {
  for (;;) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } })
      return { body: await answer.text(), cookie: cookieOf(answer) }
    } catch {
      await sleep(2)
    }
  }
}
