import { describe, expect, it } from '@jest/globals'
import { isUser, userIdOf, userSubject } from '../../../../server/kernel/names/subject.js'
import { fc } from '../../../support/property.js'

describe('the subject of a user', () => {
  it('says the id that it was made of, as text', () => {
    const id = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 32 }))
    fc.assert(
      fc.property(id, (each) => {
        const user = userSubject(each)
        expect([isUser(user), userIdOf(user)]).toEqual([true, String(each)])
      }),
      { examples: [[1], ['1'], [-1], [0], [-0], ['s:ann'], ['user:s:ann'], [':'], ['\u{1f600}']] },
    )
  })
})
