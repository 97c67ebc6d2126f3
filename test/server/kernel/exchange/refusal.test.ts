import { describe, expect, it } from '@jest/globals'
import { refusalOf } from '../../../../server/kernel/exchange/refusal.js'
import { LiveSessionError } from '../../../../shared/errors.js'
import { stamp } from '../../../support/app/stamp.js'

const NO_STORE = { 'Cache-Control': 'no-store' }

describe('a refusal', () => {
  it('has only its code, without details', () => {
    const message = 'koa-live-session: no more writes'
    expect(refusalOf(new LiveSessionError('closed', message))).toEqual({
      ack: { ok: false, code: 'closed' },
      result: { code: 'closed' },
      data: { code: 'closed' },
      response: { status: 503, headers: NO_STORE, body: { error: { code: 'closed', message } } },
    })
  })

  it('names its field and ticket, over a socket and by POST', () => {
    const { ack, response } = refusalOf(new LiveSessionError('bad_ticket', 'x', { key: 'division', index: 0 }))
    expect(ack).toEqual({ ok: false, code: 'bad_ticket', key: 'division', index: 0 })
    expect(response.body.error).toMatchObject({ key: 'division', index: 0 })
  })

  it('sets Retry-After and its own status by POST', () => {
    const limited = refusalOf(new LiveSessionError('rate_limited', 'x', { retryAfter: 7 })).response
    expect(limited).toMatchObject({ status: 429, headers: { ...NO_STORE, 'Retry-After': '7' } })
    expect(refusalOf(new LiveSessionError('too_large', 'x', { status: 413 })).response.status).toBe(413)
  })

  it('has the current value for its own change only', () => {
    const stands = { stamp: stamp(7), value: 3 }
    const { ack, data, response, result } = refusalOf(new LiveSessionError('conflict', 'x', { stands }))
    expect(result).toEqual({ code: 'conflict', ...stands })
    expect([ack, data, response.body.error]).not.toContainEqual(expect.objectContaining({ stamp: 7 }))
  })
})
