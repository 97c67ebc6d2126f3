// Target 13: cuts 1 % of the connections each second while changes continue, and counts the pages with the newest value right after.
import { judge } from '../harness/goal.mjs'
import { valueIn } from '../harness/page.mjs'
import { keepOpen } from '../harness/reconnect.mjs'
import { closePages, openPages, startSockets, visitorsOf } from '../harness/socket-server.mjs'
import { sleep } from '../harness/statistics.mjs'
import { tableOf } from '../harness/table.mjs'

const USERS = 1000
const SECONDS = 60
const CUT = 0.01
/** Share of the users who make a change, per second. */
const CHANGED = 0.1
/** Maximum ms of a page's network outage. */
const AWAY = 10_000
/** ms from the last change to the check of the pages, once all are back. */
const RIGHT_AFTER = 1000
const OURS = 'this library'
const CONTESTANTS = {
  'bare socket.io': ['bare', {}],
  'bare socket.io, connection state recovery': ['bare', { options: { connectionStateRecovery: {} } }],
  [OURS]: ['live', {}],
}

export const jitter = {
  title: 'Connections are cut while values change',
  async run({ part }) {
    const seconds = SECONDS * part
    // Run all contestants at once, because the row compares final values, not times.
    const shown = await Promise.all(
      Object.entries(CONTESTANTS).map(async ([name, [mode, given]]) => [
        name,
        await suffer(mode, given, seconds, AWAY * part),
      ]),
    )
    const of = Object.fromEntries(shown)
    const columns = {
      'connections cut': (name) => of[name].cut,
      changes: (name) => of[name].changes,
      'pages with the newest value, %': (name) => of[name].right * 100,
    }
    const names = Object.fromEntries(Object.keys(CONTESTANTS).map((name) => [name, name]))
    const title = `${USERS} pages, ${seconds} s, 1 % of the connections cut each second`
    return {
      tables: [tableOf(title, names, columns)],
      bars: {
        title: 'Pages that show the newest value right after',
        values: Object.keys(CONTESTANTS).map((name) => [name, of[name].right]),
      },
      goals: [judge('pages with the newest value', of[OURS].right, '>=', 1)],
    }
  },
}

/** Each user has a page for changes, and a second page with outages. */
async function suffer(mode, given, seconds, longestAway) {
  const child = await startSockets(mode, given)
  const { port } = child
  // An app without stored values has nothing to ask for.
  const visitors = (await visitorsOf(mode, port, USERS)).map((visitor) => ({ ...visitor, asks: mode === 'live' }))
  const users = await openPages(visitors, [port, port])
  const away = new Set()
  for (const [, page] of users) {
    page.onMessage = (content) => {
      page.shown = valueIn(content)
    }
    const comeBack = { portOf: () => port, longest: 500, away: () => Math.random() * longestAway }
    keepOpen(page, { ...comeBack, onBack: () => away.delete(page) })
  }
  const cut = ([, page]) => {
    if (away.has(page)) return 0
    away.add(page)
    page.cut()
    return 1
  }
  const newest = users.map(() => 0)
  const counted = { cut: 0, changes: 0 }
  const random = (share) => users.map((_, i) => i).filter(() => Math.random() < share)
  for (let tick = 0; tick < seconds * 10; tick += 1) {
    for (const i of random(CUT / 10)) counted.cut += cut(users[i])
    const chosen = random(CHANGED / 10)
    await Promise.all(chosen.map((i) => users[i][0].set(++newest[i])))
    counted.changes += chosen.length
    await sleep(100)
  }
  while (away.size > 0) await sleep(50)
  await sleep(RIGHT_AFTER)
  const right = users.filter(([, { shown = 0 }], i) => shown === newest[i]).length / USERS
  for (const [, page] of users) page.onEnd = () => undefined
  closePages(users)
  await child.end()
  return { ...counted, right }
}
