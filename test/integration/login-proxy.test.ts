import { expect, it } from '@jest/globals'
import { App } from '../support/app/app.js'

it('a sign-in proxy’s header names the user of requests and sockets', async () => {
  const app = await App.start({
    options: { identify: (ctx) => ctx.get('x-forwarded-user') || undefined },
    attach: { handshake: [] },
    routes: async (ctx) => {
      ctx.body = String(ctx.liveSession.userId)
    },
  })
  app.io.on('connection', (socket) => socket.on('who', (done) => done(socket.liveSession.userId)))
  const visitor = app.visitor()
  const headers = { 'x-forwarded-user': 'ann' }
  expect(await (await visitor.fetch('/', { headers })).text()).toBe('ann')
  await visitor.store({}, headers)
  const { io } = await visitor.connect('/', headers)
  expect(await io.emitWithAck('who')).toBe('ann')
})
