import type { Settings } from './options.js'
import type { Warn } from './report.js'

interface Deployment {
  readonly settings: Settings
  readonly warn: Warn
}

/** Warns about settings that work, but are probably mistakes. */
export function warnAtStart(core: Deployment): void {
  warnOfLoss(core)
  warnOfUsers(core)
  warnOfSeconds(core)
}

/** Warns about values that a restart would lose. */
function warnOfLoss({ settings, warn }: Deployment): void {
  if (settings.store) return
  const lost = [...settings.fields.values()].filter((field) => !field.inCookie).map((field) => field.key)
  if (lost.length === 0) return
  warn(`fields ${lost.join(', ')}: not in the cookie, and there is no store: a restart loses their values`)
}

/** Users' values should outlive their cookies; in development it does not matter. */
function warnOfUsers({ settings: { identify, store }, warn }: Deployment): void {
  if (!identify || store || process.env['NODE_ENV'] !== 'production') return
  warn(
    'identify is set, and there is no store: once users have signed out everywhere, a restart loses their values. ' +
      'Pass store: redisStore(client) or sqlStore(kysely)',
  )
}

/** Warns if ms were taken for seconds: no app means to forget visitors that fast. */
function warnOfSeconds({ settings: { fields, maxAge }, warn }: Deployment): void {
  const remedy = 'expected ms, not seconds. For an hour: 60 * 60 * 1000'
  if (maxAge < 2 * 60 * 1000 || isDaysInSeconds(maxAge)) {
    warn(`maxAge: a visitor is forgotten after ${maxAge} ms: ${remedy}`)
  }
  for (const { key, maxAge: lasting = 0 } of fields.values()) {
    if (isDaysInSeconds(lasting)) warn(`fields.${key}.maxAge: the value is forgotten after ${lasting} ms: ${remedy}`)
  }
}

/** Whole days if read as seconds, but not whole minutes if read as ms: a time meant as ms would be rounder. */
function isDaysInSeconds(time: number): boolean {
  return time > 0 && time % (24 * 60 * 60) === 0 && time % (60 * 1000) !== 0
}
