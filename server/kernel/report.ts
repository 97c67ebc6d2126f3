import { inspect, types } from 'node:util'
import type Koa from 'koa'
import { LiveSessionError } from '../../shared/errors.js'
import { printable } from '../../shared/escape.js'
import { tellRefusal } from './refused.js'

/** Tells the app of an error that no code awaits, with the context where there is one. It never throws: it would end the process. */
export type Report = (error: unknown, ctx?: Koa.Context) => void

/** Where such errors go: refusals to `onError`, what an app's own code threw where Koa sends it. */
export function createReport(app: Koa, onError: (error: LiveSessionError) => void): Report {
  return (error, ctx) => {
    const fallBack = (failure: unknown): void => console.error(error, failure)
    try {
      if (error instanceof LiveSessionError) {
        tellRefusal(app, 'app', error)
        const told: unknown = onError(error)
        if (told instanceof Promise) told.catch(fallBack)
      } else if (app.listenerCount('error') > 0) app.emit('error', asError(error), ctx)
      else console.error(error)
    } catch (failure) {
      fallBack(failure)
    }
  }
}

/**
 * Tells the log of something about this deployment, once an hour. Where the message has a text of a stranger's in it, `kind` is the same for all
 * such messages.
 */
export type Warn = (message: string, kind?: string) => void

const HOUR = 60 * 60 * 1000
/** Messages of a kind in an hour: a flood of bad requests shall not become a flood of log lines, nor silence what is said of others. */
const MOST_OF_A_KIND = 10

/** @param clock ms since 1970 */
export function createWarn(clock: () => number): Warn {
  const kinds = new Map<string, { readonly since: number; readonly told: Set<string> }>()
  return (message, kind = message) => {
    const now = clock()
    const known = kinds.get(kind)
    // A clock that was set back has said nothing of how long ago that was.
    const isOver = !known || Math.abs(now - known.since) >= HOUR
    const { told } = isOver ? { told: new Set<string>() } : known
    if (isOver) kinds.set(kind, { since: now, told })
    if (told.has(message) || told.size >= MOST_OF_A_KIND) return
    told.add(message)
    console.warn(printable(`koa-live-session: ${message}`))
  }
}

/** Koa's own listener, for one, throws for what is no Error. */
function asError(thrown: unknown): Error {
  // Another realm's Error, as in a test runner, is one to Koa.
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown
  return new Error(`koa-live-session: expected an Error, received ${inspect(thrown)}`, { cause: thrown })
}
