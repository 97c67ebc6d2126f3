import type { Page } from 'puppeteer-core'
import { Gate } from '../app/gate.js'
import type { Person } from './browser.js'
import { hold } from './intercept.js'

/** Opens a page whose script arrives only when the returned function is called. */
export async function openSlowly(person: Person, url: string): Promise<readonly [Page, goOn: () => Promise<unknown>]> {
  const page = await person.newPage()
  const gate = new Gate()
  await hold(page, /\/browser\.js$/, () => gate.pass())
  const loaded = page.goto(url)
  await page.waitForSelector('.hint')
  const goOn = (): Promise<unknown> => {
    gate.open()
    return loaded
  }
  return [page, goOn]
}
