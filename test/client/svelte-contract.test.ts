import { describe, expect, it } from '@jest/globals'
import { derived, get } from 'svelte/store'
import { bareClient } from '../support/page/bare-client.js'

describe('field(key) as a store of Svelte', () => {
  it('calls a subscriber immediately and on changes', () => {
    const { live } = bareClient()
    const heard: number[] = []
    const end = live.field('division').subscribe((division) => heard.push(division))
    expect(heard).toEqual([1])
    live.field('division').set(2)
    expect(heard).toEqual([1, 2])
    end()
    live.field('division').set(3)
    expect(heard).toEqual([1, 2])
  })

  it('updates a value', () => {
    const { live } = bareClient()
    const division = live.field('division')
    division.update((value) => value + 1)
    expect(get(division)).toBe(2)
  })

  it('is a source of derived stores', () => {
    const { live } = bareClient()
    const label = derived([live.field('division'), live.field('cart')], ([division, cart]) => `${division}: ${cart}`)
    const heard: string[] = []
    const end = label.subscribe((text) => heard.push(text))
    live.field('division').set(2)
    live.field('cart').set(['b', 'c'])
    end()
    live.field('division').set(3)
    expect(heard).toEqual(['1: a', '2: a', '2: b,c'])
  })
})
