import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { SocketHandle } from '../../../server/kernel/connections/socket.js'
import { RequestHandle } from '../../../server/kernel/requests/request.js'
import { coreOf } from '../../../server/plugin.js'
import { App } from '../../support/app.js'

setFlagsFromString('--allow-natives-syntax')
/** Returns whether V8 has one hidden class for both. A class that an object has for itself alone is old, and keeps all that it refers to. */
const haveSameClass: (a: object, b: object) => boolean = runInThisContext('(a, b) => %HaveSameMap(a, b)')

describe('what is made anew each time', () => {
  it('is of one hidden class: for parts, for a request', async () => {
    const uses: object[] = []
    const app = await App.start({
      routes: (ctx) => {
        uses.push(RequestHandle.useOf(ctx.liveSession as never))
        ctx.body = ''
      },
    })
    for (let i = 0; i < 3; i += 1) await (await fetch(app.url)).text()
    expectOneClass(uses)
  })

  it('is of one hidden class: for parts, for a socket; and for whose connection it is', async () => {
    const app = await App.start()
    const uses: object[] = []
    app.io.on('connection', (socket) => uses.push(SocketHandle.useOf(socket.liveSession as never)))
    for (let i = 0; i < 3; i += 1) await app.visitor().connect()
    expectOneClass(uses)
    expectOneClass([...coreOf(app.live).connections.all()].map(({ opener }) => opener))
  })
})

function expectOneClass([first, ...others]: readonly object[]): void {
  expect(others.length).toBeGreaterThan(0)
  for (const other of others) expect(haveSameClass(first as object, other)).toBe(true)
}
