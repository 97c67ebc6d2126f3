import { describe, expect, it } from '@jest/globals'
import { type Action, outcomeOf, type Shown } from '../../example/page/actions.js'

const film: Shown = { text: 'Division Film', status: 'saved', places: ['cache', 'cookie', 'page'] }
const dark: Shown = { text: 'Theme Dark', status: 'saved', places: ['cache', 'cookie', 'page'] }
const unset: Shown = { text: 'Theme Auto', status: 'default', places: [] }
const seen = { pid: 2, isReconnected: true }
const restart: Action = { kind: 'restart', pid: 1 }
const emptyCache: Action = { kind: 'empty-cache' }
const killed: Action = { kind: 'kill-node', node: 'A' }

const restored = (of: readonly Shown[]): string | undefined => outcomeOf(emptyCache, of, seen)
const online = (waiting: readonly string[]): Action => ({ kind: 'go-online', waiting })

describe('the notice after a failure button', () => {
  it('waits until the action is complete', () => {
    for (const [action, shown, more] of [
      [restart, film, { pid: 1 }],
      [restart, film, { isReconnected: false }],
      [emptyCache, film, { isReconnected: false }],
      [emptyCache, { ...dark, places: ['cookie', 'page'] }, {}],
      [killed, film, { node: 'A' }],
      [killed, { ...film, places: ['store', 'page'] }, { node: 'B' }],
      [online(['Division Film']), { ...film, status: 'saving' }, {}],
      [online(['Division Film']), { ...film, status: 'offline' }, {}],
      [online(['Division Film']), film, { isReconnected: false }],
    ] as const)
      expect(outcomeOf(action, [shown], { ...seen, ...more })).toBeUndefined()
  })

  it('names the process, and the places that restored values', () => {
    expect(outcomeOf(restart, [film, unset], seen)).toBe(
      'Server restarted as process 2, restored from your cookie: Division Film.',
    )
    const kept: Shown = { ...film, places: ['cache', 'page'] }
    expect(restored([film, dark])).toBe('Memory emptied, restored from your cookie: Division Film and Theme Dark.')
    expect(restored([kept])).toBe('Memory emptied, restored from this page: Division Film.')
    expect(restored([kept, dark])).toBe(
      'Memory emptied, restored from this page and your cookie: Division Film and Theme Dark.',
    )
    const stored: Shown = { ...film, places: ['store', 'cache', 'page'] }
    expect(restored([stored])).toBe('Memory emptied, restored from Redis: Division Film.')
  })

  it('names the other node after a kill', () => {
    const message = 'Node A was killed. This page goes on with node B.'
    expect(outcomeOf(killed, [film, unset], { ...seen, node: 'B' })).toBe(`${message} It has Division Film.`)
    expect(outcomeOf(killed, [unset], { ...seen, node: 'B' })).toBe(message)
  })

  it('suggests a choice if nothing is set', () => {
    expect(outcomeOf(restart, [unset], seen)).toBe('Server restarted as process 2. Choose something, and try again.')
    expect(restored([unset])).toBe('Memory emptied. Choose something, and try again.')
  })

  it('reports saved and refused changes after going online', () => {
    expect(outcomeOf(online(['Division Film']), [film], seen)).toBe('Online again, and saved: Division Film.')
    expect(outcomeOf(online([]), [film], seen)).toBe('Online again. Nothing was waiting.')
    const refused: Shown = { ...film, status: 'rejected' }
    expect(outcomeOf(online(['Division Film']), [refused], seen)).toBe('Online again, but not accepted: Division Film.')
  })
})
