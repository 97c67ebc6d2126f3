import { describe, expect, it } from '@jest/globals'
import { checkTarget } from '../../../../server/features/hand-off/index.js'

describe('the target of a hand-off', () => {
  it.each([
    '/',
    '/sign-in',
    '/tools/sign-in?next=%2Fcosts#top',
    '/ü',
    '/a//b',
    '/a/.//b',
    '/a?next=/.//b',
    '/..',
    '/%5c%5cevil.example',
    '/@evil.example',
    '/:80',
  ])('may be the path %j', (to) => {
    expect(checkTarget(to)).toBe(to)
    expect(new URL(to, 'https://example.com').origin).toBe('https://example.com')
  })

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a list', ['/sign-in']],
    ['a relative path', 'sign-in'],
    ['a query alone', '?sign-in'],
    ['an address', 'https://evil.example/'],
    ['a script', 'javascript:alert(1)'],
    ['another host', '//evil.example'],
    ['another host by three slashes', '///evil.example'],
    ['another host by a backslash', '/\\evil.example'],
    ['another host by backslashes', '\\\\evil.example'],
    ['another host behind a tab', '/\t/evil.example'],
    ['another host behind a line feed', '/\n/evil.example'],
    ['another host behind a carriage return', '/\r\\evil.example'],
    ['another host behind a dot', '/.//evil.example'],
    ['another host behind an encoded dot', '/%2e//evil.example'],
    ['another host behind a parent segment', '/a/..//evil.example'],
    ['another host behind several parent segments', '/a/b/../%2E././/evil.example'],
    ['another host after a final parent segment', '/..//'],
    ['white space before it', ' //evil.example'],
    ['white space', '/sign in'],
    ['an injected header', '/x\r\nSet-Cookie: a=b'],
    ['a control character', '/x\u0000'],
    ['a line separator', '/x\u2028'],
    ['a lone surrogate', '/x\ud800'],
    ['a very long path', `/${'x'.repeat(2000)}`],
  ])('may not be %s', (_, to) => {
    expect(() => checkTarget(to)).toThrow(expect.objectContaining({ code: 'malformed', status: 400 }))
  })

  it('is not quoted in the refusal', () => {
    expect(() => checkTarget('//evil.example')).toThrow(/^(?!.*evil)/)
  })
})
