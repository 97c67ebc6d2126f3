import { afterEach, expect } from '@jest/globals'
import { describeWith } from '../app/describe-with.js'
import { BROWSERS, openBrowser, type Person } from './browser.js'
import { pageScript } from './page-script.js'
import { type SiteTab, Visitor } from './site-tab.js'

interface ClientTests {
  /** The client as a module, for the test's own app to serve. */
  readonly script: string
  /** Opens a visitor's first tab; errors in it fail the test. */
  open(url: string, path: string): Promise<SiteTab>
}

/** Runs tests with their own app in each browser. */
export function describeWithClient(title: string, run: (tests: ClientTests) => void): void {
  const script = pageScript("export * from 'koa-live-session/client'")
  for (const name of BROWSERS)
    describeWith(name, `${title} (${name})`, () => {
      const people: Person[] = []
      afterEach(() => expect(people.splice(0).flatMap(({ complaints }) => complaints)).toEqual([]))
      const open = async (url: string, path: string): Promise<SiteTab> => {
        const person = await openBrowser({ name })
        people.push(person)
        return new Visitor(person, url).open(path)
      }
      run({ script, open })
    })
}
