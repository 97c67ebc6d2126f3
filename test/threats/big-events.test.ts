import { describe, expect, it, jest } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { LiveSessionError } from '../../shared/errors.js'
import { parseSync } from '../../shared/parse.js'
import { App } from '../support/app.js'

describe('one event of a megabyte', () => {
  it('does not compare the same large value over and over', async () => {
    const fields = defineFields({
      log: {
        schema: z.array(z.number()),
        default: [],
        client: 'write',
        cookie: false,
        maxBytes: 20_000,
        maxMembers: 7000,
      },
    })
    const app = await App.start<typeof fields>({ fields })
    const socket = await app.visitor(cookieFor(app.live, {})).connect()
    await socket.ticket()
    await socket.change(
      'log',
      Array.from({ length: 7000 }, () => 1),
    )
    const { text } = await socket.ticket()
    const stringify = jest.spyOn(JSON, 'stringify')
    await socket.sendTickets(text)
    const once = stringify.mock.calls.length
    await socket.sendTickets(...Array.from({ length: 50 }, () => text))
    const all = stringify.mock.calls.length - once
    stringify.mockRestore()
    expect(all).toBeLessThan(5 * (once + 100))
  })

  it('is refused without a look at each of more changes than there can be', () => {
    let looks = 0
    const changes = new Proxy(
      Array.from({ length: 60_000 }, (_, i) => [`k${i}`, 0, '']),
      {
        get(target, name, receiver) {
          if (typeof name === 'string' && /^\d+$/.test(name)) looks += 1
          return Reflect.get(target, name, receiver)
        },
      },
    )
    try {
      parseSync({ set: changes })
    } catch (error) {
      expect(error).toBeInstanceOf(LiveSessionError)
    }
    expect(looks).toBeLessThan(5000)
  })
})
