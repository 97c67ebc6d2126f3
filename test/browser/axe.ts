import axe from 'axe-core'
import type { Page } from 'puppeteer-core'

/** Returns the violations that axe finds, each with its element. */
export async function findings(page: Page): Promise<readonly string[]> {
  await page.evaluate(`${axe.source};undefined`)
  const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
}
