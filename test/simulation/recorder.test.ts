import { afterAll, expect, it } from '@jest/globals'
import { transform } from 'esbuild'
import { BarePage } from '../support/page/bare-page.js'
import { bareTicket } from '../support/page/bare-ticket.js'
import { bundle, recall, sail } from './fleet.js'
import { plant, readDefects, readProduct } from './planting.js'

afterAll(recall)

it('a page that breaks a promise is printed with its events, which run', async () => {
  const defect = readDefects().find(({ at }) => at === 'applyResult')
  if (!defect) throw new Error('the defect is gone')
  const { finding } = await sail(await bundle('recorder', plant(defect, readProduct())), 1, 100, false)
  const script = finding?.page ?? ''
  expect(script).toContain('["begin"],')
  expect(script).toContain('["set", ')
  // The callback of a call belongs to the page that failed.
  expect(script).not.toContain('"settle": ')
  const { code } = await transform(`${script}\nreturn page`, { loader: 'ts' })
  const run = new Function('BarePage', 'bareTicket', code) as (...args: readonly unknown[]) => BarePage
  expect(run(BarePage, bareTicket).page.keys.size).toBeGreaterThan(0)
})
