// Target 9: the cost of 10,000 idle sockets, each with its own subject.
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { closePages, openPages, startSockets, visitorsOf } from '../harness/socket-server.mjs'
import { sleep } from '../harness/statistics.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'

const SOCKETS = 10_000
/** Sockets opened first, to exclude the process's own setup. */
const FIRST = 100
const BARE = 'bare socket.io'
const OURS = 'this library'
/** No pings during the measurement. */
const options = { pingInterval: 300_000, pingTimeout: 300_000 }

export const idle = {
  title: 'Idle sockets',
  async run({ rounds, part }) {
    const count = SOCKETS * part
    const contestants = { [BARE]: sockets('bare', count), [OURS]: sockets('live', count) }
    const measured = await compare(contestants, { rounds: Math.ceil(rounds / 3) })
    const columns = {
      'kB of heap each': (name) => measured.of(name, 'heap'),
      'kB of RSS each': (name) => measured.of(name, 'rss'),
      'heap, of bare': (name) => measured.toBase(name, 'heap'),
      'RSS, of bare': (name) => measured.toBase(name, 'rss'),
    }
    return {
      tables: [tableOf(`${count.toLocaleString('en')} sockets`, namesOf(measured), columns)],
      goals: [
        judge('RSS of an idle socket / bare', measured.toBase(OURS, 'rss'), '<=', 1.1, measured.noise('rss')),
        judge('heap of an idle socket / bare', measured.toBase(OURS, 'heap'), '<=', 1.25, measured.noise('heap')),
      ],
    }
  },
}

/** Returns a contestant running alone on the machine, from its start to its end. */
function sockets(mode, count) {
  return async () => ({
    async sample() {
      const child = await startSockets(mode, { options }, { flags: ['--expose-gc'] })
      const visitors = await visitorsOf(mode, child.port, FIRST + count)
      const first = await openPages(visitors.slice(0, FIRST), [child.port])
      await sleep(500)
      const before = await child.ask('usage')
      const pages = await openPages(visitors.slice(FIRST), [child.port])
      await sleep(1000)
      const after = await child.ask('usage')
      closePages([...first, ...pages])
      await child.end()
      const each = (what) => (after[what] - before[what]) / count / 1000
      return { heap: each('heap'), rss: each('rss') }
    },
  })
}
