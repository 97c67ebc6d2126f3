import { describe, expect, it } from '@jest/globals'
import { derived } from 'svelte/store'
import { bareClient } from '../support/page/bare-client.js'

describe('field(key) as a store of Svelte', () => {
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
