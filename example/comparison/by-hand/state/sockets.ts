import { ServerResponse } from 'node:http'
import type Koa from 'koa'
import type { Server, Socket } from 'socket.io'
import { changeSchema } from '../../filter.js'
import type { Accounts } from './accounts.js'
import { type Session, sessionOf } from './session.js'
import { filterOf, roomOf } from './visitors.js'

/** Outcome of a change: with `store`, the page must POST the value into the cookie. */
export type Outcome = 'kept' | 'store' | 'refused'

export function attach(io: Server, app: Koa, auth: Koa.Middleware, accounts: Accounts): void {
  io.use((socket, next) => {
    const ctx = app.createContext(socket.request, new ServerResponse(socket.request))
    const pass = async (): Promise<void> => void Object.assign(socket.data, { session: sessionOf(ctx) })
    Promise.resolve(auth(ctx, pass)).then(() => next(), next)
  })
  io.on('connection', (socket) => serve(io, socket, accounts))
}

function serve(io: Server, socket: Socket, accounts: Accounts): void {
  const session: Session = socket.data.session
  const room = roomOf(session)
  Promise.resolve(socket.join(room))
    .then(async () => socket.emit('filter', await filterOf(session, accounts)))
    .catch(() => socket.disconnect(true))
  socket.on('filter', async (given: unknown, answer: unknown) => {
    const outcome = await change(given).catch((): Outcome => 'refused')
    if (typeof answer === 'function') answer(outcome)
  })

  async function change(given: unknown): Promise<Outcome> {
    const changed = changeSchema.parse(given)
    if (session.user !== undefined) await accounts.change(session.user, changed)
    io.to(room).emit('filter', changed)
    return session.user === undefined ? 'store' : 'kept'
  }
}
