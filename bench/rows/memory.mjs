// Target 6: a million users in the memory of a single process.
import { fileURLToPath } from 'node:url'
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { start } from '../harness/processes.mjs'
import { median } from '../harness/statistics.mjs'
import { tableOf } from '../harness/table.mjs'

const CACHE = fileURLToPath(new URL('../servers/cache.mjs', import.meta.url))
const USERS = 1_000_000
const GETS = 9
const FLAGS = ['--expose-gc', '--max-old-space-size=8000']
const MAP = 'a Map without a bound'
const OURS = 'this library'

export const memory = {
  title: 'Users in memory',
  async run({ rounds, part }) {
    const users = USERS * part
    const measured = await compare(
      { [MAP]: cache('map', users), [OURS]: cache('live', users) },
      { rounds: Math.ceil(rounds / 3) },
    )
    const columns = {
      'bytes a user': (name) => measured.of(name, 'bytes'),
      'get, ns': (name) => measured.of(name, 'get'),
      'get, of a Map': (name) => measured.toBase(name, 'get'),
      'longest pause, ms: growth': (name) => measured.of(name, 'growth'),
      expiry: (name) => (name === OURS ? measured.of(name, 'expiry') : ''),
      eviction: (name) => (name === OURS ? measured.of(name, 'eviction') : ''),
    }
    return {
      tables: [
        tableOf(`${users.toLocaleString('en')} users`, { [MAP]: MAP, [OURS]: OURS, control: 'control' }, columns),
      ],
      goals: [
        judge('bytes a user', measured.of(OURS, 'bytes'), '<=', 440, measured.noise('bytes')),
        judge('get / Map', measured.toBase(OURS, 'get'), '<=', 1.3, measured.noise('get')),
        judge('ms of pause by expiry', measured.of(OURS, 'expiry'), '<=', 10),
        judge('ms of pause by eviction', measured.of(OURS, 'eviction'), '<=', 10),
        judge('ms of pause by growth', measured.of(OURS, 'growth'), '<=', 60, measured.noiseOf('growth', 60)),
      ],
    }
  },
}

function cache(name, users) {
  return async () => ({
    async sample() {
      const child = await start(CACHE, [name], { flags: FLAGS })
      const { bytes, growth } = await child.ask('fill', users)
      const gets = []
      for (let i = 0; i < GETS; i += 1) gets.push(await child.ask('get', users))
      const expiry = await child.ask('expire')
      const eviction = await child.ask('evict', users / 10)
      await child.end()
      return { bytes, get: median(gets), growth, expiry, eviction }
    },
  })
}
