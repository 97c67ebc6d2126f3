import { inspect, types } from 'node:util'
import type Koa from 'koa'
import { LiveSessionError } from '../shared/errors.js'
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

/** Koa's own listener, for one, throws for what is no Error. */
function asError(thrown: unknown): Error {
  // Another realm's Error, as in a test runner, is one to Koa.
  if (thrown instanceof Error || types.isNativeError(thrown)) return thrown
  return new Error(`koa-live-session: expected an Error, received ${inspect(thrown)}`, { cause: thrown })
}
