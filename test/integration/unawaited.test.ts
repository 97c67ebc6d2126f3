import { expect, it } from '@jest/globals'
import type { LiveSessionPlugin } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import { App, type AppFields } from '../support/app/app.js'
import { expectNoCrashes } from '../support/app/no-crashes.js'
import { turns } from '../support/app/within.js'

expectNoCrashes()

const CALLS: readonly (readonly [
  what: string,
  call: (live: LiveSessionPlugin<AppFields, boolean>, id: string) => unknown,
  message: string,
])[] = [
  ['revoke', (live, id) => live.revoke(id), 'revoke(id)'],
  ['erase', (live, id) => live.erase(id), 'erase(id)'],
  ['endDevice', (live, id) => live.endDevice(id, 'phone'), 'endDevice(id, name)'],
  ['close', (live) => live.close(), 'the pool is gone'],
]

it.each(CALLS)('a failed %s that a socket handler does not await is reported', async (_, call, message) => {
  const store = Object.assign(memoryStore(), { close: () => Promise.reject(new Error('the pool is gone')) })
  const app = await App.start({ options: { store } })
  app.io.on('connection', (socket) => {
    // As TypeScript refuses, but JavaScript does not: a guest has no id.
    socket.on('click', (done) => {
      void call(app.live, socket.liveSession.userId as string)
      setTimeout(done, 0)
    })
  })
  const { io } = await app.visitor().connect()
  await io.emitWithAck('click')
  await turns(1)
  expect(app.errors).toEqual([expect.objectContaining({ message: expect.stringContaining(message) })])
  await app.stop({ isCrash: true })
})
