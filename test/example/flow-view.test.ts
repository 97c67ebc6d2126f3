import { expect, it } from '@jest/globals'
import { h } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { FlowView } from '../../example/page/flow-view.js'

const steps = Object.entries({ page: 0, socket: 2, memory: 20, cookie: 50 })
const code = { file: 'example/browser.ts', line: 1, text: '' }
const trip = { key: 'division', began: 1, steps: new Map(steps) as never, outcome: 'saved' }

/** Renders the newest change after so many ms of its replay. */
function htmlAt(played: number): string {
  const props = {
    trips: [trip],
    isCluster: false,
    node: undefined,
    failures: [],
    slowness: 20,
    played,
    opened: 'page' as const,
    code,
  }
  return renderToString(h(FlowView, { ...props, onSlowness: () => undefined, onOpened: () => undefined }))
}

function textAt(played: number): string | undefined {
  return /aria-label="The last five changes"><li>([^<]*)</.exec(htmlAt(played))?.[1]
}

it('a change’s text names only stations that the dot has reached', () => {
  expect([19, 20, 50].map(textAt)).toEqual([
    'Division: under way, has reached the socket',
    'Division: under way, has reached the memory',
    'Division: in the cookie after 50 ms',
  ])
})

it('the dot leaves when the change has arrived', () => {
  expect([19, 49, 50].map((played) => htmlAt(played).includes('class="dot"'))).toEqual([true, true, false])
})
