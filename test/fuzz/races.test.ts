import { expect, it } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { AuthStore } from '../support/auth.js'
import { Bus } from '../support/bus.js'
import { Dice } from './dice.js'
import { Race } from './race.js'
import { RaceApp } from './race-app.js'

const RACES = Number(process.env['RACES'] ?? 500)
const SEED = Number(process.env['RACES_SEED'] ?? 1)
const STEPS = 30

it.each([1, 2])(
  'no value reaches another account, and no late answer replaces a cookie, however requests of a browser are held: %i nodes',
  async (nodes) => {
    const [bus, clock, store] = [new Bus(), testClock(), new AuthStore()]
    const apps = await Promise.all(Array.from({ length: nodes }, () => RaceApp.start(bus, clock, store)))
    const found: unknown[] = []
    for (let index = 0; index < RACES; index += 1) {
      clock.advance(1000)
      const findings = await new Race(Dice.of(SEED, index), apps, String(index)).run(STEPS)
      if (findings.length > 0) found.push(findings)
    }
    expect(found).toEqual([])
  },
  // ms that no machine takes for so many.
  180_000 + RACES * 1000,
)
