// Targets 1 to 3 without a network: the cost of a warm read beyond Koa with the two headers, relative to minimal handwritten code.
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { inProcess } from '../harness/http-server.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'
import { cookiesOf } from '../servers/http/app.mjs'

const BASE = 'bare Koa with the two headers'
const IDEAL = 'by hand, the least that does it'
const OURS = 'this library, warm'
/** Targets 2 and 3: the request does not use the library. */
const UNUSED = {
  'bare Koa': { file: 'bare', mode: 'koa' },
  'with this library': { file: 'live', mode: 'unused' },
  'with koa-session': { file: 'koa-session', mode: 'present' },
  'with both': { file: 'live', mode: 'beside' },
}

export const mock = {
  title: 'Without a network',
  async run({ rounds, samples, warmUps, part }) {
    const how = { cookies: cookiesOf(256), count: 20_000 * part }
    const measured = await compare(
      {
        [BASE]: inProcess({ file: 'bare', mode: 'headers' }, how),
        [IDEAL]: inProcess({ file: 'bare', mode: 'ideal' }, how),
        [OURS]: inProcess({ file: 'live', mode: 'live' }, how),
      },
      { rounds, samples, warmUps },
    )
    const servers = Object.entries(UNUSED).map(([name, server]) => [name, inProcess(server, how)])
    const unused = await compare(Object.fromEntries(servers), { rounds, samples, warmUps })
    const added = (name) => measured.of(name, 'cpu') - measured.of(BASE, 'cpu')
    const ideals = added(OURS) / added(IDEAL)
    // The noise of the whole figures, relative to the much smaller difference under judgement.
    const noise = (measured.noise('cpu') * measured.of(BASE, 'cpu')) / added(OURS)
    const columns = {
      'CPU µs': (name) => measured.of(name, 'cpu'),
      'µs added': added,
      ideals: (name) => added(name) / added(IDEAL),
    }
    return {
      tables: [
        tableOf('a value is read', namesOf(measured), columns),
        tableOf('nothing is used', namesOf(unused), { 'CPU µs': (name) => unused.of(name, 'cpu') }),
      ],
      goals: [judge('what a warm read adds, in ideals', ideals, '<=', 1.4, noise)],
    }
  },
}
