import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { RawSocket } from '../support/raw-socket.js'

describe('threat 19: an acknowledgement that an app has wrapped', () => {
  it('may throw without ending the process, and is told to the app', async () => {
    const app = await App.start()
    const broken = new Error('the app\u2019s own')
    app.io.on('connection', (socket) => {
      socket.use((packet, next) => {
        if (packet[1]?.set?.[0]?.[0] !== 'cart') return next()
        packet[packet.length - 1] = () => {
          throw broken
        }
        next()
      })
    })
    const socket = await RawSocket.enter(app.url, cookieFor(app.live, {}))
    socket.send('421["live_session:sync",{"set":[["cart",-1,"",["x"]]]}]')
    expect(await socket.ask('live_session:sync', '{"set":[["division",-1,"",3]]}')).toHaveProperty('results.0.stamp')
    expect(app.errors).toEqual([broken])
  })
})
