import type Koa from 'koa'
import { LiveSessionError } from '../shared/errors.js'

/** Where errors go that no code awaits: refusals to `onError`, what an app's own code threw where Koa sends it. */
export function createReport(app: Koa, onError: (error: LiveSessionError) => void): (error: unknown) => void {
  return (error) => {
    if (error instanceof LiveSessionError) onError(error)
    else if (app.listenerCount('error') > 0) app.emit('error', error)
    else console.error(error)
  }
}
