import { describe, expect, it } from '@jest/globals'
import { readTicket } from '../../client/ticket.js'
import { fc } from '../support/app/property.js'

describe('a ticket', () => {
  it('is read as it was written, in every script', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (json) => {
        const ticket = `head.${Buffer.from(json).toString('base64url')}.signature`
        expect(readTicket(ticket)).toEqual(JSON.parse(json))
      }),
      { examples: [['"% %25 \u00e9 \u65e5 \u{1f600}"']] },
    )
  })
})
