// Reconnects like `socket.io-client`: with exponential backoff and 50 % jitter.
import { sleep } from './statistics.mjs'

const FIRST = 50
const CHANCE = 0.5

/** @param portOf returns the port for each attempt; `longest` delay in ms; `away` ms before the first attempt; `onBack` gets the page */
export function keepOpen(page, { portOf, longest, away = () => 0, onBack = () => undefined }) {
  page.onEnd = async () => {
    await sleep(away())
    for (let attempt = 0; ; attempt += 1) {
      await sleep(delay(attempt, longest))
      try {
        await page.open(portOf())
        return onBack(page)
      } catch {
        // Its server is not back yet.
      }
    }
  }
}

function delay(attempt, longest) {
  const ms = FIRST * 2 ** Math.min(attempt, 20)
  return Math.min(longest, ms * (1 - CHANCE + Math.random() * 2 * CHANCE))
}
