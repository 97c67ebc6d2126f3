import { fileURLToPath } from 'node:url'
import { WARM_UP } from './compare.mjs'
import { openLoad } from './http-load.mjs'
import { start } from './processes.mjs'

const MAIN = fileURLToPath(new URL('../servers/http/main.mjs', import.meta.url))
const VISITORS = 64

/** Starts the server of `servers/http` named by `file` and `mode`. */
export function startServer({ file, mode, given = {} }, options) {
  return start(MAIN, [file, mode, JSON.stringify(given)], options)
}

/** Returns a contestant. Without `cookies`, each process gets its own new visitors. */
export function underLoad(server, { ms, cookies }) {
  return async () => {
    const child = await startServer(server)
    const visitors = cookies ?? (await begin(child.port))
    const load = await openLoad(child.port, visitors)
    await load.run(WARM_UP, visitors.length)
    return {
      async sample() {
        const { cpu } = await child.ask('begin')
        const { done, seconds } = await load.run(ms)
        return { rate: done / seconds, cpu: ((await child.ask('end')).cpu - cpu) / done }
      },
      end() {
        load.close()
        return child.end()
      },
    }
  }
}

/** Returns a contestant whose requests come from its own process, without a network. */
export function inProcess(server, { cookies, count }) {
  return async () => {
    const child = await startServer(server)
    const sample = async () => ({ cpu: await child.ask('inProcess', { cookies, count }) })
    for (let i = 0; i < 3; i += 1) await sample()
    return { sample, end: () => child.end() }
  }
}

/** Returns the server's cookies for new visitors. */
export async function begin(port, count = VISITORS) {
  const visitors = Array.from({ length: count }, async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/begin`)
    if (!answer.ok) throw new Error(`/begin: ${answer.status} ${await answer.text()}`)
    return cookieOf(answer)
  })
  return Promise.all(visitors)
}

/** Returns the browser's Cookie header after this response. */
export function cookieOf(answer) {
  const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
  return cookies.join('; ')
}
