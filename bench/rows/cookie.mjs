// Target 5: the time from a change to its arrival in the cookie: over the socket, and with one POST.
import { Agent, request } from 'node:http'
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { closePages, openPages, startSockets, visitorsOf } from '../harness/socket-server.mjs'
import { median, sleep } from '../harness/statistics.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'

const CHANGES = 100
/** Changes before measuring a process, so that V8 has compiled their code. */
const BEFORE = 3000
const BARE = 'Koa and koa-session, unsigned, without a merge'
const OURS = 'this library'

export const cookie = {
  title: 'A change reaches the cookie',
  async run({ rounds, samples, warmUps, part }) {
    const contestants = { [BARE]: roundTrips('unsigned', CHANGES * part), [OURS]: roundTrips('live', CHANGES * part) }
    const measured = await compare(contestants, { rounds, samples, warmUps })
    const table = tableOf('', namesOf(measured), {
      'p50 ms': (name) => measured.of(name, 'p50'),
      'of the same without': (name) => measured.toBase(name, 'p50'),
    })
    const ratio = measured.toBase(OURS, 'p50')
    return {
      tables: [table],
      goals: [judge('change to cookie, p50 / without', ratio, '<=', 1.25, measured.noise('p50'))],
    }
  },
}

function roundTrips(mode, count) {
  return async () => {
    const child = await startSockets(mode)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const [visitor] = await visitorsOf(mode, child.port, 1)
    const [[page]] = await openPages([visitor], [child.port])
    let { cookie } = visitor
    const change = async (value) => {
      const { ticket } = await page.set(value)
      const body = JSON.stringify({ who: page.who, tickets: [ticket] })
      const cookies = await post(agent, child.port, cookie, body)
      if (cookies.length === 0) throw new Error('no cookie came back')
      cookie = cookies.map((each) => each.split(';')[0]).join('; ')
    }
    for (let i = 1; i <= BEFORE; i += 1) await change(i)
    const sample = async () => {
      const times = []
      for (let i = 1; i <= count; i += 1) {
        const began = performance.now()
        await change(i)
        times.push(performance.now() - began)
        await sleep(1)
      }
      return { p50: median(times) }
    }
    const end = () => {
      closePages([[page]])
      agent.destroy()
      return child.end()
    }
    return { sample, end }
  }
}

/** Resolves with the cookies of the response. */
function post(agent, port, cookie, body) {
  const origin = `http://127.0.0.1:${port}`
  const headers = { cookie, origin, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const asked = request({ agent, port, host: '127.0.0.1', method: 'POST', path: '/store_session', headers })
    asked.once('error', reject)
    asked.once('response', (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer.headers['set-cookie'] ?? []))
    })
    asked.end(body)
  })
}
