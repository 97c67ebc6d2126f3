// How much code runs: our functions and files used by a warm read, and by a page's `set` until `saved`.
import { openPage, withBuilds } from '../harness/builds.mjs'
import { passed, sum } from '../harness/passed.mjs'
import { tableOfRows } from '../harness/table.mjs'

const WARM_UP = 4
/** ms between two measurements, so that the aftermath of the first does not count in the second. */
const APART = 1500

export const functions = {
  title: 'Functions of this library that run',
  run: ({ before }) => withBuilds(before, count),
}

async function count(builds, browser) {
  const table = {}
  for (const build of builds) {
    const context = await browser.createBrowserContext()
    const page = await openPage(context, `${build.url}/modules`)
    const profiler = await page.createCDPSession()
    await profiler.send('Profiler.enable')
    await profiler.send('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    await build.ask('count')
    const take = async () => [passed(await profiler.send('Profiler.takePreciseCoverage')), await build.ask('passed')]
    const during = async (act) => {
      let taken = []
      for (let i = 0; i <= WARM_UP; i += 1) {
        await new Promise((resolve) => setTimeout(resolve, APART))
        await take()
        await page.evaluate(act)
        taken = await take()
      }
      return taken
    }
    const [inPage, atServer] = await during('bench.next()')
    const [, read] = await during("fetch('/value').then((answer) => answer.text())")
    const row = {
      'set until saved': [...inPage, ...atServer],
      'of it in the page': inPage,
      'at the server': atServer,
      'a warm read': read,
    }
    for (const [what, names] of Object.entries(row)) {
      const { functions, files } = sum(names)
      table[what] = { ...table[what], [`${build.name}: functions`]: functions, [`${build.name}: files`]: files }
    }
  }
  return { tables: [tableOfRows('', table)] }
}
