// Target 11: the cost of a request and of a change with growing numbers of users, keys, tabs and nodes.
import { compare, WARM_UP } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { inProcess } from '../harness/http-server.mjs'
import { withRedis } from '../harness/redis.mjs'
import { closePages, openPages, startSockets, visitorsOf } from '../harness/socket-server.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'
import { cookiesOf, wideCookies } from '../servers/http/app.mjs'

const VISITORS = 200
const USERS = [1, 1000, 100_000, 1_000_000]
const KEYS = [1, 5, 10, 20]
const TABS = [1, 3, 10, 30, 100]
const NODES = [1, 2, 3, 4]
/** Number of users with concurrent changes, so that the server is never idle. */
const MAKERS = 4
let clusters = 0

export const growth = {
  title: 'What grows, and what does not',
  async run(scale) {
    const users = await requests(scale, USERS, (count) => ({
      server: { file: 'live', mode: 'crowded', given: { users: count } },
      cookies: cookiesOf(VISITORS),
    }))
    const keys = await requests(scale, KEYS, (count) => ({
      server: { file: 'live', mode: 'wide', given: { keys: count } },
      cookies: wideCookies(VISITORS, count),
    }))
    const tabs = await changes(scale, TABS, (count) => ({ tabs: count, nodes: 1 }))
    const nodes = await withRedis(
      (redis) => redis && changes(scale, NODES, (count) => ({ tabs: 4, nodes: count, redis })),
    )
    const noise = (measured) => measured.noise('cpu')
    const all = {
      'users in memory': users,
      'keys in the cookie': keys,
      'tabs of the user': tabs,
      ...(nodes && { nodes }),
    }
    return {
      tables: Object.entries(all).map(([what, measured]) => tableOfGrowth(what, measured)),
      goals: [
        judge(
          'a warm read beside 1,000,000 users / beside one',
          users.toBase('1000000', 'cpu'),
          '<=',
          1.3,
          noise(users),
        ),
        judge('a warm read with 20 keys / with one', keys.toBase('20', 'cpu'), '<=', 1.1, noise(keys)),
      ],
      lines: Object.entries(all).map(([what, measured]) => ({
        title: titles[what],
        x: what,
        points: Object.keys(namesOf(measured))
          .filter((name) => Number(name) > 0)
          .map((name) => [Number(name), measured.of(name, 'cpu')]),
      })),
    }
  },
}

const titles = {
  'users in memory': 'A warm read without a network, µs of processor time',
  'keys in the cookie': 'A warm read without a network, µs of processor time',
  'tabs of the user': 'A change, µs of processor time of the server',
  nodes: 'A change for four tabs, µs of processor time of all nodes',
}

function requests({ rounds, samples, warmUps, part }, counts, prepare) {
  const contestants = counts.map((count) => {
    const { server, cookies } = prepare(count)
    return [`${count}`, inProcess(server, { cookies, count: 10_000 * part })]
  })
  return compare(Object.fromEntries(contestants), { rounds, samples, warmUps })
}

function changes({ rounds, samples, warmUps, ms }, counts, prepare) {
  const contestants = counts.map((count) => [`${count}`, () => cluster(prepare(count), ms)])
  return compare(Object.fromEntries(contestants), { rounds: Math.ceil(rounds / 3), samples, warmUps })
}

/** Spreads the tabs of each user over the nodes. */
async function cluster({ tabs, nodes, redis }, ms) {
  clusters += 1
  const given = redis ? { adapter: 'pubSub', redis, prefix: `growth-${clusters}` } : {}
  const children = []
  for (let node = 0; node < nodes; node += 1) children.push(await startSockets('live', given))
  const ports = Array.from({ length: tabs }, (_, i) => children[i % nodes].port)
  const users = await openPages(await visitorsOf('live', ports[0], MAKERS), ports)
  const used = async () => {
    const usages = await Promise.all(children.map(({ ask }) => ask('usage')))
    return usages.reduce((sum, { cpu }) => sum + cpu, 0)
  }
  const measure = async (forMs) => {
    const [before, end] = [await used(), performance.now() + forMs]
    let done = 0
    const keepChanging = async (pages) => {
      for (; performance.now() < end; done += 1) {
        const seen = pages.map((page) => page.seen())
        await Promise.all([pages[0].set(done), ...seen])
      }
    }
    await Promise.all(users.map(keepChanging))
    return { cpu: ((await used()) - before) / done }
  }
  await measure(WARM_UP)
  const sample = () => measure(ms)
  const end = async () => {
    closePages(users)
    for (const child of children) await child.end()
  }
  return { sample, end }
}

function tableOfGrowth(what, measured) {
  const [first] = measured.names
  const shown = Object.keys(namesOf(measured)).map((name) => [
    Number(name) > 0 ? Number(name).toLocaleString('en') : name,
    name,
  ])
  return tableOf(what, Object.fromEntries(shown), {
    'CPU µs': (name) => measured.of(name, 'cpu'),
    [`of ${first}`]: (name) => measured.toBase(name, 'cpu'),
  })
}
