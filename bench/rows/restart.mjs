// Target 7: a process restarts: the time to its first correct response, and until a page has its socket again.
import { fileURLToPath } from 'node:url'
import { io } from 'socket.io-client'
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { cookieOf } from '../harness/http-server.mjs'
import { launch } from '../harness/processes.mjs'
import { sleep } from '../harness/statistics.mjs'
import { support } from '../harness/support.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'
import { cookiesOf } from '../servers/sockets/app.mjs'

const { freePort } = await support('free-port')

const SERVER = fileURLToPath(new URL('../servers/restart.mjs', import.meta.url))
const WITHOUT = 'Koa, koa-session and socket.io'
const OURS = 'the same and this library'

export const restart = {
  title: 'A process starts again',
  async run({ rounds }) {
    const measured = await compare({ [WITHOUT]: app('bare'), [OURS]: app('live') }, { rounds })
    const columns = {
      'first right answer, ms': (name) => measured.of(name, 'first'),
      'of the same without': (name) => measured.toBase(name, 'first'),
      'page back on its socket, ms': (name) => measured.of(name, 'back'),
    }
    const first = measured.toBase(OURS, 'first')
    return {
      tables: [tableOf('', namesOf(measured), columns)],
      goals: [
        judge('first right answer / without', first, '<=', 1.3, measured.noise('first')),
        judge(
          'ms until a page is back on its socket',
          measured.of(OURS, 'back'),
          '<=',
          400,
          measured.noiseOf('back', 400),
        ),
      ],
    }
  },
}

function app(mode) {
  return async () => ({
    async sample() {
      const port = await freePort()
      const server = launch(SERVER, [mode, port])
      const answer = await firstAnswer(port, '', '/begin')
      const cookie = mode === 'live' ? cookiesOf(1)[0] : answer.cookie
      // As docs/pages-and-sockets.md recommends for pages that should reconnect soon.
      const delays = { reconnectionDelay: 50, reconnectionDelayMax: 500 }
      const url = `http://127.0.0.1:${port}`
      const socket = io(url, { transports: ['websocket'], extraHeaders: { cookie, origin: url }, ...delays })
      await connected(socket)
      await server.end()
      const began = performance.now()
      const back = connected(socket).then(() => performance.now() - began)
      const again = launch(SERVER, [mode, port])
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
