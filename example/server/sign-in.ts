import type Koa from 'koa'
import type { Socket } from 'socket.io'
import { z } from 'zod'
import type { NameCheck, SignInOutcome } from '../protocol.js'
import { findByName, findByStart, findUser, type User, users } from '../users.js'
import { readForm } from './form.js'

const TO = '/sign-in'
const PURPOSE = 'sign-in'
const handedOff = z.object({ user: z.string() })
/** The most characters of a name: none of our names is longer. */
const LONGEST = 100

/** Serves the sign-in form over a socket: checks typed names, and hands a sign-in off to `POST /sign-in`. */
export function serveSignIn(socket: Socket): void {
  socket.on('name', (name: unknown, answer: unknown) => {
    if (isName(name) && typeof answer === 'function') answer(check(name))
  })
  socket.on('sign-in', async (name: unknown, answer: unknown) => {
    if (isName(name) && typeof answer === 'function') answer(await signIn(socket, name))
  })
}

/** Returns the user to sign in by a POST, from a socket's hand-off or from the form as sent without a script; or an error message. */
export async function whoSignsIn(ctx: Koa.Context): Promise<User | string> {
  const handed = await ctx.liveSession.takeHandOff(PURPOSE, handedOff)
  const form = await readForm(ctx)
  const name = form.getAll('user').findLast((one) => one !== '')
  // The hand-off was already used, or has expired.
  if (!handed && !form.has('user')) return 'That took too long. Please sign in again.'
  return (handed ? findUser(handed.user) : findByName(name ?? '')) ?? 'There is no user of that name.'
}

async function signIn({ liveSession }: Socket, name: string): Promise<SignInOutcome> {
  const user = findByName(name)
  if (!user) return 'unknown'
  try {
    await liveSession.handOff(PURPOSE, { user: user.id }, { to: TO, user: user.id })
    return 'sent'
  } catch {
    // The socket has brought no live cookie. A POST of the form needs none.
    return 'post'
  }
}

function check(name: string): NameCheck {
  const user = findByName(name)
  if (user) return { isKnown: true, hint: `${user.name}, ${user.role}.` }
  const near = findByStart(name)
  const hint = near.length > 0 ? `${list(near)}?` : `Not one of ${list(users)}.`
  return { isKnown: false, hint }
}

function list(some: readonly User[]): string {
  return new Intl.ListFormat('en', { type: 'disjunction' }).format(some.map((user) => user.name))
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= LONGEST
}
