import type { Browser } from './browser.js'
import { SERVER_ONLY, STORABLE, WRITABLE } from './builds.js'
import { pick } from './random.js'
import type { Action } from './routes.js'
import type { Step } from './schedule.js'
import type { Stage } from './stage.js'
import { USERS } from './world.js'

export const userOf = ({ world }: Stage, { which }: Step): string => world.userId(pick(USERS, which))

/** What pages may write here, and keep. */
export const writable = ({ world }: Stage): readonly string[] => (world.deployment.store ? STORABLE : WRITABLE)

export function keyOf({ world }: Stage, keys: readonly string[], { what }: Step): string {
  return (
    pick(
      keys.filter((key) => world.nodes.every((node) => node.isDeclared(key))),
      what,
    ) ?? 'division'
  )
}

export function freshValue({ world }: Stage, key: string, browser: number | undefined): number | readonly number[] {
  const tag = world.ledger.tag(key, browser)
  return key === 'cart' ? [tag] : tag
}

export function writing(stage: Stage, browser: Browser, step: Step): Action {
  const key = keyOf(stage, [...writable(stage), ...SERVER_ONLY], step)
  return { does: 'write', key, value: freshValue(stage, key, browser.index) }
}
