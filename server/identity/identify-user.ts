// Calls the app's `identify`, and checks its answer.

import type Koa from 'koa'
import { type Awaitable, after } from '../../shared/promise.js'
import { type UserSubject, userNamed } from '../ids/subject.js'
import type { Settings } from '../settings/settings.js'
import { IN_REQUESTS, watchSession } from './session-order.js'

/** Returns the user whom the app names for a request; undefined for a guest. */
export type IdentifyUser = (ctx: Koa.Context) => Awaitable<UserSubject | undefined>

export function createIdentifyUser({ identify }: Settings): IdentifyUser {
  if (!identify) return () => undefined
  return (ctx) => {
    const check = watchSession(ctx, IN_REQUESTS)
    return after(identify(ctx), (id) => {
      check()
      return userNamed(id)
    })
  }
}
