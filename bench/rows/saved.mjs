// The cost of a change in a browser: the time from click to `saved`, and POSTs; and a first visit's requests. Compared with an older build.
import { askedInAll, openPage, withBuilds } from '../harness/builds.mjs'
import { judge } from '../harness/goal.mjs'
import { median, percentile } from '../harness/statistics.mjs'
import { tableOfRows } from '../harness/table.mjs'

const WARM_UP = 20
const CLICKS = 25
const TABS = 10
/** First visits of each kind: several, because the order of ten tabs is random. */
const VISITS = 3
/** Changes of a drag, 10 ms apart. */
const DRAGGED = 300

export const saved = {
  title: 'A click is saved',
  run: ({ before, rounds, part }) =>
    withBuilds(before, (builds, browser) => measure(builds, browser, rounds, Math.ceil(VISITS * part))),
}

async function measure(builds, browser, rounds, visits) {
  for (const build of builds) await visitFirst(build, browser, visits)
  for (const build of builds) {
    build.page = await openPage(await browser.createBrowserContext(), `${build.url}/`)
    await click(build, WARM_UP)
    build.rounds = []
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const build of round % 2 ? [...builds].reverse() : builds) build.rounds.push(await click(build, CLICKS))
  }
  for (const build of builds) build.drag = await drag(build)
  return resultOf(builds)
}

/** Records the requests of a browser without a cookie until idle: with one tab, and with ten opened at once. */
async function visitFirst(build, browser, count) {
  build.visits = {}
  for (const [kind, path] of Object.entries({ rendered: '/', static: '/static' })) {
    for (const tabs of [1, TABS]) {
      const visits = []
      for (let i = 0; i < count; i += 1)
        visits.push(await visit(build, path, await browser.createBrowserContext(), tabs))
      visits.sort((a, b) => a.length - b.length)
      build.visits[`first visit, ${kind}, ${tabs} tab${tabs > 1 ? 's' : ''}`] = visits[count >> 1]
    }
  }
}

async function visit(build, path, context, tabs) {
  await build.ask('asked')
  await Promise.all(Array.from({ length: tabs }, () => openPage(context, build.url + path)))
  const asked = await askedInAll(build)
  await context.close()
  return asked
}

/** Clicks like a person: waits for the result, and longer than a page's pause between POSTs. */
async function click(build, times) {
  await build.ask('asked')
  const took = await build.page.evaluate(async (count) => {
    const took = []
    for (let i = 0; i < count; i += 1) {
      const began = performance.now()
      await window.bench.next()
      took.push(performance.now() - began)
      await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 50))
    }
    return took
  }, times)
  return { took, posts: posts(await build.ask('asked')).length / times }
}

/** Makes a hundred changes a second in a page, and counts POSTs per second. */
async function drag(build) {
  await build.ask('asked')
  await build.page.evaluate(async (count) => {
    const began = performance.now()
    const changes = []
    for (let i = 0; i < count; i += 1) {
      while (performance.now() - began < i * 10) await new Promise((resolve) => setTimeout(resolve))
      changes.push(window.bench.next())
    }
    await Promise.all(changes)
  }, DRAGGED)
  const sent = posts(await askedInAll(build))
  return ((sent.length - 1) * 1000) / (sent.at(-1).at - sent[0].at)
}

const posts = (asked) => asked.filter(({ what }) => what === 'POST')

function resultOf(builds) {
  const rows = {}
  const put = (what, build, value) => {
    rows[what] = { ...rows[what], [build.name]: value }
  }
  for (const build of builds) {
    const took = build.rounds.flatMap((round) => round.took)
    put('click to saved, p50 ms', build, Number(median(took).toFixed(1)))
    put('click to saved, p99 ms', build, Number(percentile(took, 0.99).toFixed(1)))
    put('POSTs a change', build, median(build.rounds.map((round) => round.posts)))
    put('100 changes a second: POSTs a second', build, Number(build.drag.toFixed(1)))
    for (const [what, asked] of Object.entries(build.visits)) {
      const connections = asked.filter((each) => each.what === 'CONNECT').length
      put(`${what}: requests; POSTs, connections`, build, `${asked.length}; ${posts(asked).length}, ${connections}`)
    }
  }
  const [older, now] = builds.length > 1 ? builds : [undefined, builds[0]]
  const goals = [judge('POSTs a second of 100 changes a second', now.drag, '<=', 3)]
  if (older) {
    const ratios = now.rounds.map((round, i) => median(round.took) / median(older.rounds[i].took))
    goals.push(judge('click to saved / before', median(ratios), '<=', 0.6))
  }
  return { tables: [tableOfRows('', rows)], goals }
}
