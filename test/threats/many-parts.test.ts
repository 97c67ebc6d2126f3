import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { send } from '../support/raw-http.js'
import { RawSocket } from '../support/raw-socket.js'
import { longestTurn } from '../support/turns.js'

const LONGEST_TURN = 50

describe('threat 13: an input of many parts, each of them small', () => {
  it('does not hold up the others with as many planted cookies as fit a request', async () => {
    const app = await App.start({
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const planted = Array.from({ length: 600 }, (_, i) => `live=${i};live.sig=${i}`).join(';')
    const cookie = `${planted};${cookieFor(app.live, { values: { division: 3 } })}`
    let text = ''
    const turn = await longestTurn(async () => {
      text = (await send(app.url, { headers: { cookie } })).text
    })
    expect(text).toBe('3')
    expect(turn).toBeLessThan(LONGEST_TURN)
  })

  it.each<[string, (ticket: string) => string]>([
    ['good tickets', (ticket) => `42["live_session:sync",{"tickets":[${Array(2000).fill(`"${ticket}"`).join(',')}]}]`],
    [
      'changes',
      () => `42["live_session:sync",{"set":[${Array.from({ length: 60_000 }, (_, i) => `["${i}",1,""]`).join(',')}]}]`,
    ],
    ['bad items in a list', () => `42["live_session:sync",{"set":[["cart",-1,"",[${'1,'.repeat(9_990)}1]]]}]`],
  ])('does not hold up the others with %s', async (_, write) => {
    const app = await App.start()
    const socket = await RawSocket.enter(app.url, cookieFor(app.live, {}))
    const frame = RawSocket.frame(write(JSON.parse(socket.received.at(-1)?.slice(3) ?? '')[0].greeting[0]))
    const turn = await longestTurn(async () => {
      socket.sendFrames(frame)
      await socket.ask('live_session:sync', '{"set":[["division",-1,"",1]]}')
    })
    expect(turn).toBeLessThan(LONGEST_TURN)
  })

  it('is answered with less than it sent', async () => {
    const app = await App.start()
    const body = `{"set":[["cart",-1,"",[${'1,'.repeat(9_990)}1]]]}`
    expect((await (await app.visitor().store(body)).text()).length).toBeLessThan(body.length)
  })
})

describe('threat 10: a key that an app passes on from a browser', () => {
  it.each([
    ['null', null],
    ['a list', ['division']],
    ['a number', 5],
  ])('is refused with a code where it is %s', async (_, key) => {
    const app = await App.start({
      routes: async (ctx) => {
        ctx.body = await ctx.liveSession.set(key as never, 1 as never).catch((error) => [error.code])
      },
    })
    expect(await (await app.visitor().fetch('/')).json()).toEqual(['undeclared_key'])
  })

  it('does not hold up the others, nor come back whole, where it is long', async () => {
    const app = await App.start()
    const key = 'x'.repeat(900_000)
    app.io.on('connection', (socket) => {
      socket.on('choose', (done) => void socket.liveSession.set(key as never, 1 as never).catch((e) => done(e.message)))
    })
    const { io } = await app.visitor().connect()
    let message = ''
    const turn = await longestTurn(async () => {
      message = await io.emitWithAck('choose')
    })
    expect(message.length).toBeLessThan(1000)
    expect(turn).toBeLessThan(LONGEST_TURN)
  })
})
