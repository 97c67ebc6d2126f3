import { describe, expect, it } from '@jest/globals'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { fromParameter, parameterOf, toParameter } from '../../shared/url-parameter.js'
import { fc } from '../support/app/property.js'

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as JsonValue)
const fallback = fc.option(json, { nil: undefined })

describe('a parameter', () => {
  it('round-trips its value through an address', () => {
    fc.assert(
      fc.property(json, fallback, (value, fallback) => {
        const text = toParameter(value, fallback)
        if (text === undefined) return typeof fallback === 'string' && typeof value !== 'string'
        const said = parameterOf(`?a=b&d=${encodeURIComponent(text)}`, 'd')
        return said !== undefined && sameJson(fromParameter(said, fallback), value)
      }),
    )
  })

  it.each([
    ['?d=1', '1'],
    ['?a=2&%64=a+b', 'a b'],
    ['?d', ''],
    ['?D=1', undefined],
    ['?d=1&d=1', undefined],
    [`?d=${'1'.repeat(2001)}`, undefined],
    ['', undefined],
  ])('is read from %s as %j', (search, expected) => {
    expect(parameterOf(search, 'd')).toBe(expected)
  })
})
