import { expect, it } from '@jest/globals'
import { pages } from '../support/app/auth.js'
import { awaited } from '../support/app/awaited.js'
import { startCluster } from '../support/app/cluster.js'
import { fastTime } from '../support/app/fast-time.js'

fastTime(100)

it('a sign-in logs no error in the consoles of other tabs', async () => {
  const { one, two } = await startCluster(undefined, pages)
  const visitor = two.visitor()
  const page = await visitor.open({ path: '/page' })
  await page.connected()
  const other = one.visitor(visitor.cookie)
  const statuses = new Set<number>()
  const accepted = new Promise<void>((resolve) => {
    page.beforeAnswer = async ({ status }) => {
      statuses.add(status)
      if (status === 200) resolve()
    }
  })
  expect((await other.fetch('/login/now?user=ann')).status).toBe(200)
  await awaited('an accepted POST', accepted)
  // Browsers log each status of 400 or more as an error.
  expect([...statuses]).toEqual([202, 200])
})
