import { describe, expect, it } from '@jest/globals'
import { type Deed, outcomeOf, type Shown } from '../../example/page/deeds.js'

const film: Shown = { text: 'Division Film', status: 'saved', places: ['cache', 'cookie', 'page'] }
const dark: Shown = { text: 'Theme Dark', status: 'saved', places: ['cache', 'cookie', 'page'] }
const unset: Shown = { text: 'Theme Auto', status: 'default', places: [] }
const seen = { pid: 2, isReconnected: true }
const restart: Deed = { kind: 'restart', pid: 1 }
const emptyCache: Deed = { kind: 'empty-cache' }

describe('the notice after a failure button', () => {
  it('reports a restart when another process answers', () => {
    expect(outcomeOf(restart, [film], { ...seen, pid: 1 })).toBeUndefined()
    expect(outcomeOf(restart, [film], { ...seen, isReconnected: false })).toBeUndefined()
    expect(outcomeOf(restart, [film, unset], seen)).toBe(
      'Server restarted as process 2, restored from your cookie: Division Film.',
    )
  })

  it('reports an emptied cache when the page is connected again', () => {
    expect(outcomeOf(emptyCache, [film], { ...seen, isReconnected: false })).toBeUndefined()
    expect(outcomeOf(emptyCache, [film, dark], seen)).toBe(
      'Cache emptied, restored from your cookie: Division Film and Theme Dark.',
    )
  })

  it('waits until every value is back in the cache', () => {
    expect(outcomeOf(emptyCache, [film, { ...dark, places: ['cookie', 'page'] }], seen)).toBeUndefined()
  })

  it('names the page, not the cookie, as the source of an unsaved value', () => {
    const kept: Shown = { ...film, places: ['cache', 'page'] }
    expect(outcomeOf(emptyCache, [kept], seen)).toBe('Cache emptied, restored from this page: Division Film.')
    expect(outcomeOf(emptyCache, [kept, dark], seen)).toBe(
      'Cache emptied, restored from this page and your cookie: Division Film and Theme Dark.',
    )
  })

  it('reports a killed node when the other node has the page and its values', () => {
    const killed: Deed = { kind: 'kill-node', node: 'A' }
    expect(outcomeOf(killed, [film], { ...seen, node: 'A' })).toBeUndefined()
    expect(outcomeOf(killed, [{ ...film, places: ['store', 'page'] }], { ...seen, node: 'B' })).toBeUndefined()
    const goesOn = 'Node A was killed. This page goes on with node B.'
    expect(outcomeOf(killed, [film, unset], { ...seen, node: 'B' })).toBe(`${goesOn} It has Division Film.`)
    expect(outcomeOf(killed, [unset], { ...seen, node: 'B' })).toBe(goesOn)
  })

  it('names Redis as the source of a stored value', () => {
    const stored: Shown = { ...film, places: ['store', 'cache', 'page'] }
    expect(outcomeOf(emptyCache, [stored], seen)).toBe('Cache emptied, restored from Redis: Division Film.')
  })

  it('suggests a choice if nothing was chosen', () => {
    expect(outcomeOf(restart, [unset], seen)).toBe('Server restarted as process 2. Choose something, and try again.')
    expect(outcomeOf(emptyCache, [unset], seen)).toBe('Cache emptied. Choose something, and try again.')
  })

  it('reports going online when the pending changes are saved', () => {
    const online: Deed = { kind: 'go-online', waiting: ['Division Film'] }
    expect(outcomeOf(online, [{ ...film, status: 'saving' }], seen)).toBeUndefined()
    expect(outcomeOf(online, [{ ...film, status: 'offline' }], seen)).toBeUndefined()
    expect(outcomeOf(online, [film], { ...seen, isReconnected: false })).toBeUndefined()
    expect(outcomeOf(online, [film], seen)).toBe('Online again, and saved: Division Film.')
    expect(outcomeOf({ kind: 'go-online', waiting: [] }, [film], seen)).toBe('Online again. Nothing was waiting.')
  })

  it('reports refused changes after going online', () => {
    const refused: Shown = { ...film, status: 'rejected' }
    expect(outcomeOf({ kind: 'go-online', waiting: ['Division Film'] }, [refused], seen)).toBe(
      'Online again, but not accepted: Division Film.',
    )
  })
})
