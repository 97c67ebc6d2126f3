// Hand-offs and flash messages: JSON in, the schema's output back.
import type Koa from 'koa'
import type { RequestSession, SocketSession } from 'koa-live-session'
import { followAddress, followHandOffs, type LiveSessionClient, onFlash, onSessionEnd } from 'koa-live-session/client'
import type { JsonValue } from 'koa-live-session/fields'
import { z } from 'zod'

declare const socket: SocketSession
declare const request: RequestSession
declare const live: LiveSessionClient
declare const ctx: Koa.Context

const sent: Promise<void> = socket.handOff('sign-in', { user: 'ann', roles: ['admin'] }, { to: '/sign-in' })
// @ts-expect-error no destination
void socket.handOff('sign-in', { user: 'ann' })
// @ts-expect-error a Date is no JSON
void socket.handOff('sign-in', { at: new Date() }, { to: '/' })
// @ts-expect-error requests cannot hand off
void request.handOff('sign-in', 1, { to: '/' })

const schema = z.object({ at: z.string().transform((text) => new Date(text)) })
const taken: Promise<{ at: Date } | undefined> = request.takeHandOff('sign-in', schema)
// @ts-expect-error may be undefined
const certain: Promise<{ at: Date }> = request.takeHandOff('sign-in', schema)
// @ts-expect-error a schema is needed
void ctx.liveSession.takeHandOff('sign-in')

void request.flash({ kind: 'error', text: 'Not saved' })
void socket.flash('Saved')
// @ts-expect-error a function is no JSON
void request.flash(() => 'Saved')
const messages: Promise<readonly JsonValue[]> = request.takeFlash()
// @ts-expect-error pages take them
void socket.takeFlash()
const end: () => void = onFlash(live, (message: JsonValue) => console.log(message))
// @ts-expect-error a function of its own
live.onFlash(() => undefined)
const ends: readonly (() => void)[] = [
  followAddress(live),
  followHandOffs(live),
  onSessionEnd(live, ({ left, extend }) => void (left < 1 || extend()), { before: 60_000 }),
]
// @ts-expect-error no such status
onSessionEnd(live, ({ status }) => status === 'over')
// @ts-expect-error no client
followHandOffs({ socket: undefined })

export { certain, end, ends, messages, sent, taken }
