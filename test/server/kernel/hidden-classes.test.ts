import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { SocketHandle } from '../../../server/kernel/connections/socket.js'
import { RequestHandle } from '../../../server/kernel/requests/request.js'
import { coreOf } from '../../../server/plugin.js'
import { App } from '../../support/app/app.js'

setFlagsFromString('--allow-natives-syntax')
/** Returns whether V8 has one hidden class for both objects, and keeps their properties as those of a class. */
const areAlike: (a: object, b: object) => boolean = runInThisContext(
  '(a, b) => %HaveSameMap(a, b) && %HasFastProperties(b)',
)
/** V8 gives up sharing after some ten. */
const TIMES = 20

// An accessor in a literal, or a property after a spread: V8 puts what belongs to the object alone among what is old, and that keeps all
// that the object refers to, a whole request, until the next major collection.
describe('what is made anew each time', () => {
  it('is of one hidden class: for parts, for a request', async () => {
    const uses: object[] = []
    const app = await App.start({
      routes: (ctx) => {
        uses.push(RequestHandle.useOf(ctx.liveSession as never))
        ctx.body = ''
      },
    })
    for (let i = 0; i < TIMES; i += 1) await (await fetch(app.url)).text()
    expectAlike(uses)
  })

  it('is of one hidden class: for parts, for a socket; and for whose connection it is', async () => {
    const app = await App.start()
    const uses: object[] = []
    app.io.on('connection', (socket) => uses.push(SocketHandle.useOf(socket.liveSession as never)))
    for (let i = 0; i < TIMES; i += 1) await app.visitor().connect()
    expectAlike(uses)
    expectAlike(
      coreOf(app.live)
        .connections.all()
        .map(({ opener }) => opener),
    )
  })
})

function expectAlike(all: readonly object[]): void {
  expect(all).toHaveLength(TIMES)
  for (const [i, each] of all.slice(1).entries()) expect(areAlike(all[i] as object, each)).toBe(true)
}
