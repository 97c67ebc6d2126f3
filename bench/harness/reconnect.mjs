// Reconnects as `socket.io-client` does: after a delay that doubles up to the longest, half of it random.
import { sleep } from './statistics.mjs'

const FIRST = 50
const CHANCE = 0.5

/** @param portOf the port, asked each time; `longest` delay in ms; `away` ms before the first attempt; `onBack` is called with the page */
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
