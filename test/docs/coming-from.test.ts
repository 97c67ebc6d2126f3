import { describe, expect, it, jest } from '@jest/globals'
import type { Socket } from 'socket.io'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { runSnippet } from '../support/docs/run-snippet.js'

type Serve = (socket: Socket, authenticate: (form: unknown) => Promise<string | undefined>) => void

const PAGE = 'docs/coming-from.md'

describe(`sign-in.ts of ${PAGE}`, () => {
  it.each<[string, (form: unknown) => Promise<string | undefined>, string]>([
    ['a wrong password', async () => undefined, 'That is not right'],
    ['a database that is away', () => Promise.reject(new Error('away')), 'Try again'],
  ])('answers after %s', async (_, authenticate, words) => {
    jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const app = await App.start()
    const serve = runSnippet('sign-in.ts', PAGE, {})['serve'] as Serve
    app.io.on('connection', (socket) => serve(socket, authenticate))
    const { io } = await app.visitor().connect()
    const said = once(io, 'said')
    io.emit('sign-in', {})
    expect(await said).toEqual([words])
  })
})
