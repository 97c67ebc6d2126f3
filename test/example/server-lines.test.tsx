import { describe, expect, it } from '@jest/globals'
import { ServerLines } from '../../example/page/server-lines.js'
import type { HoodReport } from '../../example/protocol.js'
import { Rendered } from '../support/rendered.js'

const a: HoodReport = { pid: 1, startedAt: 0, inspections: {}, node: 'A', nodes: ['A', 'B'] }
const b: HoodReport = { ...a, pid: 2, node: 'B' }

function lines(node: string | undefined, own: HoodReport): readonly string[] {
  const nodes = [
    { name: 'A', report: a },
    { name: 'B', report: b },
  ]
  return new Rendered(<ServerLines servers={{ own, nodes }} node={node} />).texts('[data-own=true]')
}

describe('the list of nodes', () => {
  it('marks the node of the page\u2019s socket', () => {
    expect(lines('B', b)).toEqual([expect.stringMatching(/^Node B: .*has this page\u2019s socket$/)])
  })

  it('marks none before the socket names its node', () => {
    expect(lines(undefined, a)).toEqual([])
  })
})
