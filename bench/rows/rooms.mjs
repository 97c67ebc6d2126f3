// The cost of moving a socket from a value's room to the next value's, compared with a bare leave and join.
import { once } from 'node:events'
import { createServer } from 'node:http'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { Server } from 'socket.io'
import { io as connect } from 'socket.io-client'
import { z } from 'zod'
import { coreOf } from '../../dist/server/plugin.js'
import { userSubject } from '../../dist/server/subjects/subject.js'
import { judge } from '../harness/goal.mjs'
import { median } from '../harness/statistics.mjs'
import { tableOfRows } from '../harness/table.mjs'

const MOVES = 5000
/** Few values, so all room names are memoized. */
const VALUES = 1000
const WARM_UPS = 20

export const rooms = { title: 'A socket moves to the room of another value', run: measure }

async function measure({ rounds, samples }) {
  const { live, socket, end } = await start()
  const core = coreOf(live)
  const ann = userSubject('ann')
  const replica = core.values.find(ann)
  const { changes } = core.features.find((feature) => feature.changes)
  let stamp = replica.stamp('division')
  const write = (i) => {
    stamp += 1
    replica.merge({ key: 'division', stamp, value: i % VALUES }, 'job')
  }
  const bare = (i) => {
    write(i)
    socket.leave(`room:${i % VALUES}`)
    socket.join(`room:${(i + 1) % VALUES}`)
  }
  const move = (i) => {
    write(i)
    changes(ann)
  }
  const work = { write, bare, move, control: bare }
  const times = Object.fromEntries(Object.keys(work).map((name) => [name, []]))
  for (let round = -WARM_UPS; round < rounds * samples; round += 1) {
    for (const [name, act] of Object.entries(work)) {
      const began = performance.now()
      for (let i = 0; i < MOVES; i += 1) act(i)
      if (round >= 0) times[name].push(((performance.now() - began) * 1000) / MOVES)
    }
  }
  await end()
  const us = (name) => median(times[name]) - median(times.write)
  const table = tableOfRows('', { 'leave and join, bare': { µs: us('bare') }, 'the move': { µs: us('move') } })
  const noise = Math.abs(us('control') / us('bare') - 1)
  return { tables: [table], goals: [judge('move / bare leave and join', us('move') / us('bare'), '<=', 1.2, noise)] }
}

/** Starts a server with a socket of a user. */
async function start() {
  const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write', rooms: true } })
  const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  const live = liveSession(app, { fields, identify: () => 'ann' })
  const http = createServer(app.callback())
  const io = new Server(http)
  live.attach(io, { handshake: [] })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const origin = `http://127.0.0.1:${http.address().port}`
  const page = connect(origin, { transports: ['websocket'], extraHeaders: { origin } })
  const [socket] = await once(io, 'connection')
  await (await live.user('ann')).set('division', 0)
  const end = async () => {
    page.disconnect()
    await live.close()
    await io.close()
  }
  return { live, socket, end }
}
