import { describe, expect, it } from '@jest/globals'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, htmlOf, named, shows, textsOf } from '../support/page/on-page.js'
import { runningExample } from '../support/servers/running-example.js'

/** What a browser says if a sign-in closes a socket before its websocket is open. */
const CLOSED = /^WebSocket connection to|status of 400 /

describe.each(['express', 'fastify'])('npm start %s', (name) => {
  const example = runningExample('start', name)

  describeInBrowser('a browser', () => {
    it('shows a change in all tabs and a reload, and signs in and out', async () => {
      const person = await openBrowser()
      const [one, two] = [await person.open(example.url), await person.open(example.url)]
      await click(one, named('button', 'Add Mint'))
      await shows(two, 'li', 'Mint')
      await shows(one, '[role=status]', 'saved')
      expect(await htmlOf(one)).toContain('<li>Mint</li>')
      await click(one, named('button', 'Sign in as ann'))
      for (const tab of [one, two]) await shows(tab, 'button', 'Sign out ann')
      await click(two, named('button', 'Add Assam'))
      await shows(one, 'li', 'Assam')
      await click(one, named('button', 'Sign out ann'))
      for (const tab of [one, two]) await shows(tab, 'button', 'Sign in as ann')
      expect(await textsOf(two, 'li')).toEqual([])
      expect(person.complaints.filter((text) => !CLOSED.test(text))).toEqual([])
    })
  })
})
