import { afterEach, describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { type LiveSessionOptions, liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { gather, parseMessages } from '../../server/features/flash/message.js'
import { checkTarget } from '../../server/features/hand-off/index.js'
import { html } from '../../server/features/inspector/html.js'
import { type NodeSnapshot, snapshotOf, type ValueSnapshot } from '../../server/features/inspector/snapshot.js'
import { coreOf } from '../../server/plugin.js'
import { type Subject, userSubject } from '../../server/subjects/subject.js'
import type { JsonValue } from '../../shared/json.js'
import { toStamp } from '../../shared/stamp.js'
import { HOUR } from '../support/app/times.js'

describe('snapshot', () => {
  const fields = defineFields({
    division: { schema: z.number().int(), default: -1, client: 'write', maxBytes: 100 },
    note: { schema: z.string(), default: '', client: 'write', cookie: false },
    code: { schema: z.string(), default: '', maxAge: HOUR },
    pin: { schema: z.string(), default: '', client: 'hidden' },
  })

  const plugins: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const plugin of plugins.splice(0)) await plugin.close()
  })

  function start(options: Pick<LiveSessionOptions<typeof fields>, 'cache' | 'onError' | 'store'> = {}) {
    const clock = testClock()
    const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
    const live = liveSession(app, { fields, clock: clock.now, store: memoryStore(), ...options })
    plugins.push(live)
    const core = coreOf(live)
    const snapshot = (): NodeSnapshot => {
      return snapshotOf(core, { entries: [...core.memory.entries()], hasMore: false, refusals: [] })
    }
    const put = (subject: Subject, key: string, value: JsonValue | undefined, stamp = clock.now()): void => {
      core.values.merge(subject, [{ key, stamp: toStamp(stamp), value }], 'socket')
    }
    return { app, clock, core, live, put, snapshot }
  }

  const ann = userSubject('ann')

  function valueAt(snapshot: NodeSnapshot, key: string): ValueSnapshot | undefined {
    return snapshot.subjects[0]?.values.find((value) => value.key === key)
  }

  it('a snapshot reveals no undeclared value, which another build may hide', () => {
    const { put, snapshot } = start()
    put(ann, 'other', 'canary')
    expect(JSON.stringify(snapshot())).not.toContain('canary')
    expect(valueAt(snapshot(), 'other')).toMatchObject({ state: 'undeclared', json: undefined })
  })

  it('a snapshot marks unreadable, expired and deleted values', () => {
    const { clock, put, snapshot } = start()
    put(ann, 'division', 'three')
    put(ann, 'code', 'x', clock.now() - HOUR - 1)
    put(ann, 'note', undefined)
    expect(valueAt(snapshot(), 'division')).toMatchObject({ state: 'unreadable', json: '"three"' })
    expect(valueAt(snapshot(), 'code')).toMatchObject({ state: 'expired', json: '"x"' })
    expect(valueAt(snapshot(), 'note')).toMatchObject({ state: 'deleted', json: undefined, bytes: undefined })
  })

  it('a snapshot truncates a long value, and shows its length', () => {
    const { put, snapshot } = start()
    put(ann, 'note', '🍵'.repeat(5000))
    const { json = '' } = valueAt(snapshot(), 'note') ?? {}
    expect(json.length).toBeLessThan(600)
    expect(json).toMatch(/^"(🍵)+… \(10,002 characters\)$/u)
  })

  it('a snapshot shows unsaved values and the state of the store', async () => {
    const store = memoryStore()
    const { live, snapshot } = start({ store, onError: () => undefined })
    const user = await live.user('ann')
    expect(snapshot().store).toEqual({ state: 'good', unsaved: 0 })
    store.fail(Number.POSITIVE_INFINITY)
    await user.set('division', 3)
    expect(snapshot().store).toEqual({ state: 'down', unsaved: 1 })
    expect(snapshot().subjects[0]).toMatchObject({ unsaved: ['division'] })
    expect(valueAt(snapshot(), 'division')?.places).toEqual(['cache'])
    store.fail(0)
    await live.settled()
    expect(snapshot().store).toEqual({ state: 'good', unsaved: 0 })
    expect(valueAt(snapshot(), 'division')?.places).toEqual(['cache', 'store'])
  })

  it('a snapshot does not count as a use of its subjects', () => {
    const { core, put, snapshot } = start({ cache: { maxVisitors: 4 } })
    for (const user of ['a', 'b', 'c', 'd']) {
      put(userSubject(user), 'division', 3)
      snapshot()
    }
    put(userSubject('e'), 'division', 3)
    expect(core.memory.find(userSubject('a'))).toBeUndefined()
    expect(core.memory.find(userSubject('d'))).toBeDefined()
  })
})

it.each([
  ['<b>', '&lt;b&gt;'],
  [`"'&`, '&quot;&#39;&amp;'],
  ['&lt;', '&amp;lt;'],
  ['a\nb\u0000', 'a\\u000ab\\u0000'],
  ['\u202egnp.exe', '\\u202egnp.exe'],
  ['\ud800', '\\ud800'],
  ['äöü 🍵', 'äöü 🍵'],
])('html escapes %j', (text, escaped) => {
  expect(String(html`<i title="${text}">${text}</i>`)).toBe(`<i title="${escaped}">${escaped}</i>`)
})

it('html keeps its own markup, and omits undefined and false', () => {
  const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`)
  expect(String(html`<ul>${items}${undefined}${false}</ul>${0}`)).toBe('<ul><li>a</li><li>&lt;b&gt;</li></ul>0')
})

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

const NOW = 1_767_225_600_000
const message = (id: string, at = NOW) => ({ id, at, content: id })

describe('flash messages in a cookie', () => {
  // Another build may have signed such messages.
  it.each([
    ['no value', undefined],
    ['a text in place of a list', 'a'],
    ['an object in place of a list', { a: 1 }],
    ['members that are no lists', [1, null, 'a', {}]],
    ['no id', [[1, NOW, 'a']]],
    [
      'no time',
      [
        ['a', -1, 'a'],
        ['b', '1', 'b'],
        ['c', 1.5, 'c'],
      ],
    ],
    ['no content', [['a', NOW]]],
    ['deeply nested content', [['a', NOW, JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)]]],
  ])('are ignored if they have %s', (_, input) => {
    expect(parseMessages(input)).toEqual([])
  })

  it('are read beside invalid messages', () => {
    expect(parseMessages([null, ['a', NOW, 'a'], ['b']])).toEqual([message('a')])
  })
})

describe('messages gathered from several places', () => {
  it.each([
    ['expire after an hour', NOW - 3_600_000, false],
    ['stay for almost an hour', NOW - 3_599_999, true],
    ['are accepted from a clock an hour ahead', NOW + 3_600_000, true],
    ['are ignored from a clock further ahead', NOW + 3_600_001, false],
  ])('%s', (_, at, isShown) => {
    expect(gather([message('a', at)], NOW)).toHaveLength(isShown ? 1 : 0)
  })
})
