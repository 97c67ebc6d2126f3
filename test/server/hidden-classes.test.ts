import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { SocketHandle } from '../../server/connections/socket.js'
import { RequestHandle } from '../../server/http/request.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app/app.js'

setFlagsFromString('--allow-natives-syntax')
/** Returns whether V8 gives both objects the same hidden class, with fast properties. */
const areAlike: (a: object, b: object) => boolean = runInThisContext(
  '(a, b) => %HaveSameMap(a, b) && %HasFastProperties(b)',
)
/** More than the ten or so objects after which V8 may stop sharing a hidden class. */
const TIMES = 20

// An accessor in a literal, or a property after a spread, puts an object and its request into V8's old generation until a major collection.
describe('objects of each request or socket', () => {
  it('share a hidden class per request', async () => {
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

  it('share a hidden class per socket', async () => {
    const app = await App.start()
    const uses: object[] = []
    app.io.on('connection', (socket) => uses.push(SocketHandle.useOf(socket.liveSession as never)))
    for (let i = 0; i < TIMES; i += 1) await app.visitor().connect()
    expectAlike(uses)
    expectAlike(
      coreOf(app.live)
        .connections.all()
        .map(({ identity }) => identity),
    )
  })
})

function expectAlike(all: readonly object[]): void {
  expect(all).toHaveLength(TIMES)
  for (const [i, each] of all.slice(1).entries()) expect(areAlike(all[i] as object, each)).toBe(true)
}
