import type { ComparedApp } from './app.js'
import { ComparedClicks } from './clicks.js'
import type { Choice, JsdomTab } from './jsdom-tab.js'

export interface Scenario {
  /** Returns the visible result. */
  readonly play: (app: ComparedApp) => Promise<unknown>
  /** The possible results, by their words in docs/comparison.md. */
  readonly outcomes: Readonly<Record<string, unknown>>
}

const guest = (choice: Choice): Choice => ({ region: 'all', size: 'all', of: 'guest', ...choice })

/** Opens two tabs of a browser, at two nodes. */
async function twoTabs(app: ComparedApp): Promise<readonly [JsdomTab, JsdomTab]> {
  const browser = app.browser()
  return [await browser.open(0), await browser.open(1)]
}

/** Makes a choice, and resolves when its POST has reached the server; the response is held back. */
async function chooseSlowly(tab: JsdomTab, choice: Choice): Promise<void> {
  tab.network.break('hold answer')
  tab.choose(choice)
  await tab.network.met()
}

async function arrive(tab: JsdomTab): Promise<void> {
  tab.network.release()
  await tab.until(({ status }) => status === 'saved')
}

/** The scenarios in which the apps differ, by the rows of the table. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'Two tabs of a guest choose at once, one the region, one the size': {
    async play(app) {
      const [one, two] = await twoTabs(app)
      await Promise.all([chooseSlowly(one, { region: 'north' }), chooseSlowly(two, { size: 'small' })])
      await arrive(one)
      await arrive(two)
      return one.next()
    },
    outcomes: {
      'one is **lost**: the later cookie wins': guest({ size: 'small' }),
      'both are kept': guest({ region: 'north', size: 'small' }),
    },
  },
  "A guest's POST is lost": {
    async play(app) {
      const tab = await app.browser().open()
      tab.network.break('lose request')
      tab.choose({ region: 'north' })
      await tab.network.met()
      await tab.until(({ status }) => /saved$/.test(status))
      return [tab.status, await tab.next()]
    },
    outcomes: {
      'the choice is **lost**, the page says so': ['not saved', guest({})],
      'it is kept: the page tries again': ['saved', guest({ region: 'north' })],
    },
  },
  "The process is killed before a guest's POST arrives": {
    async play(app) {
      const tab = await app.browser().open()
      tab.network.break('hold request')
      tab.choose({ region: 'north' })
      await tab.network.met()
      tab.network.offline()
      await app.restart(0)
      tab.network.online()
      await tab.until(({ status }) => /saved$/.test(status))
      return [tab.status, await tab.next()]
    },
    outcomes: {
      'the choice is **lost**, the page says so': ['not saved', guest({})],
      'it is kept': ['saved', guest({ region: 'north' })],
    },
  },
  'A guest clicks twelve times; at every fourth the process is killed before the POST arrives': {
    async play(app) {
      const guest = await ComparedClicks.begin(app)
      for (let click = 1; click <= 12; click += 1) await guest.click(click % 4 === 0)
      return guest.lost
    },
    outcomes: { 'three clicks are **lost**': 3, 'no click is lost': 0 },
  },
  "A guest's POST is answered late; another tab has chosen since": {
    async play(app) {
      const [one, two] = await twoTabs(app)
      await chooseSlowly(one, { region: 'north' })
      await two.until(({ shown }) => shown['region'] === 'north')
      await two.save({ region: 'south' })
      await arrive(one)
      return one.next()
    },
    outcomes: {
      'the older cookie **comes back**': guest({ region: 'north' }),
      'the newer choice stays': guest({ region: 'south' }),
    },
  },
  'A guest opens a tab while a POST is in flight': {
    async play(app) {
      const browser = app.browser()
      const one = await browser.open()
      await chooseSlowly(one, { region: 'north' })
      const two = await browser.open()
      await arrive(one)
      return two.shown
    },
    outcomes: {
      'it shows the **older** choice': { region: 'all', size: 'all' },
      'it shows the choice': { region: 'north', size: 'all' },
    },
  },
  'Another tab is open, and the answer to the sign-in is late': {
    async play(app) {
      const [one, two] = await twoTabs(app)
      const isBack = two.socket('open')
      const arrive = await one.send('/sign-in', { user: 'dora' })
      await isBack
      arrive()
      const elsewhere = await app.browser().open()
      await elsewhere.signIn('dora')
      await elsewhere.save({ region: 'south' })
      two.choose({ size: 'small' })
      await two.until(({ status, shown }) => status === 'not saved' || shown['region'] === 'south')
      return two.shown['region']
    },
    outcomes: {
      "it stays a guest's: **neither follows nor saves**": 'all',
      'it follows the account': 'south',
    },
  },
}
