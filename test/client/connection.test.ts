import { describe, expect, it, jest } from '@jest/globals'
import type { Socket } from 'socket.io-client'
import { createConnection } from '../../client/connection.js'
import { createPauses } from '../../client/pauses.js'
import type { TicketClaims } from '../../shared/protocol.js'
import { bareOutbox } from '../support/bare-outbox.js'
import { bareTicket } from '../support/bare-ticket.js'

type Handler = (ticket: string) => void
type Ack = (lost: null, answer: object) => void

interface TestSocket {
  readonly socket: Socket
  readonly acks: Ack[]
  hear(claims: Partial<TicketClaims>): void
  /** How often it was connected again. */
  returns(): number
}

/** A socket whose server says what the test says, and answers when it does. */
function openSocket(): TestSocket {
  const handlers = new Map<string, Handler>()
  const acks: Ack[] = []
  const connect = jest.fn()
  const socket = {
    connected: false,
    on: (event: string, handler: Handler) => {
      handlers.set(event, handler)
      return socket
    },
    timeout: () => ({ emit: (_: string, __: unknown, ack: Ack) => acks.push(ack) }),
    disconnect: () => ({ connect }),
  }
  const hear = (claims: Partial<TicketClaims>): void => {
    socket.connected = true
    handlers.get('store_session')?.(bareTicket(claims))
  }
  return { socket: socket as unknown as Socket, hear, acks, returns: () => connect.mock.calls.length }
}

const nothing = (): undefined => undefined
const told = { onReady: nothing, onNews: nothing, onOwner: nothing, renewCookie: async () => undefined }

/** A connection of a page with these subjects, which knows no more of its browser. */
function open(subjects: readonly string[] = []) {
  const { values, outbox } = bareOutbox()
  const { socket, hear, returns } = openSocket()
  const page = { subjects, isCookieless: true, hasConsent: true, isGuests: false }
  const connection = createConnection({ socket, ...page, ...told }, values, outbox, createPauses())
  return { connection, hear, returns }
}

describe('a connection that finds the browser under another id', () => {
  it('judges what was set under the former one only once the server has seen that', async () => {
    const { values, outbox, set, keep, settled } = bareOutbox()
    const { socket, hear, acks } = openSocket()
    const page = { subjects: ['ann', 'former'], isCookieless: false, hasConsent: true, isGuests: false }
    createConnection({ socket, ...page, ...told }, values, outbox, createPauses())
    outbox.acknowledge(set('theme', undefined), 10)
    keep(bareTicket({ sub: 'former', changes: [['theme', 10]] }), ['theme', 10])
    hear({ sub: 'ann', defaults: { division: -1 }, more: true })
    hear({ sub: 'browser', defaults: { theme: 'light' } })
    expect(await settled()).toEqual([])
    hear({ sub: 'browser', changes: [['theme', 10]] })
    for (const ack of acks) ack(null, { ok: true })
    expect(await settled()).toEqual([])
    outbox.confirm([['theme', 10]])
    expect(await settled()).toEqual(['undefined saved'])
  })
})

describe('a connection that hears with whose cookie another tab has POSTed', () => {
  it('comes back once where it is of another browser id', () => {
    const { connection, hear, returns } = open(['mine'])
    hear({ sub: 'mine', defaults: {} })
    connection.follow(['mine'])
    expect(returns()).toBe(0)
    connection.follow(['theirs'])
    connection.follow(['theirs'])
    expect(returns()).toBe(1)
    hear({ sub: 'theirs', defaults: {} })
    connection.follow(['theirs'])
    expect(returns()).toBe(1)
  })

  it('comes back where it has one of the subjects, and not the other', () => {
    const { connection, hear, returns } = open(['ann', 'lost'])
    hear({ sub: 'ann', defaults: {}, more: true })
    hear({ sub: 'lost', defaults: {}, first: 'id' })
    connection.follow(['ann', 'lost'])
    expect(returns()).toBe(0)
    connection.follow(['ann', 'kept'])
    expect(returns()).toBe(1)
  })

  it('comes back with the next that it hears where it was away', () => {
    const { connection, hear, returns } = open(['mine'])
    connection.follow(['theirs'])
    expect(returns()).toBe(0)
    hear({ sub: 'mine', defaults: {} })
    connection.follow(['theirs'])
    expect(returns()).toBe(1)
  })

  it('comes back once where it came without a cookie', () => {
    const { connection, hear, returns } = open(['ann'])
    hear({ sub: 'ann', defaults: {}, more: true })
    hear({ sub: 'provisional', defaults: {}, new: 'id' })
    connection.follow(['ann', 'browser'])
    connection.follow(['ann', 'browser'])
    expect(returns()).toBe(1)
  })
})

describe('a connection of a page that does not say whose it is', () => {
  it('lets the page keep something for a user whose browser came with a cookie', () => {
    const { connection, hear } = open()
    expect(connection.owner()).toBeUndefined()
    hear({ sub: 'ann', defaults: {} })
    expect(connection.owner()).toBe('ann')
  })

  it('lets it keep nothing for one whose browser may have none because it must not', () => {
    const { connection, hear } = open()
    hear({ sub: 'ann', defaults: {}, cookieless: true })
    expect(connection.owner()).toBeUndefined()
    connection.prove()
    expect(connection.owner()).toBe('ann')
  })

  it('lets it keep nothing because a POST was answered, before one was seen to bring a cookie', () => {
    const { connection } = open()
    connection.learn(bareTicket({ sub: 'ann' }))
    expect([connection.subjects(), connection.owner()]).toEqual([['ann'], undefined])
    connection.prove()
    expect(connection.owner()).toBe('ann')
  })
})
