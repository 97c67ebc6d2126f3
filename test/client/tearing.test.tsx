/** @jsxImportSource react */
import { expect, it, jest } from '@jest/globals'
import { LiveSessionProvider, useLiveSession } from 'koa-live-session/react'
import { type ReactNode, startTransition, useLayoutEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { bareClient } from '../support/page/bare-client.js'

/** ms of work in each of many components: more than React does at a stretch. */
const WORK = 3
let now = performance.now()
const ROWS = Array.from({ length: 20 }, (_, row) => row)

function Row({ rendered }: { readonly rendered: (value: unknown) => void }): ReactNode {
  const [value] = useLiveSession('division')
  now += WORK
  rendered(value)
  return <li>{String(value)}</li>
}

it('never shows two values at once, though one changes while React renders bit by bit', async () => {
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now)
  const { live, untyped } = bareClient()
  const container = document.createElement('ul')
  const root = createRoot(container)
  const rendered: unknown[] = []
  const committed: string[] = []
  const onRendered = (value: unknown): void => {
    // As soon as React lets other code have a turn.
    if (rendered.length === 0) setTimeout(() => void live.set('division', 2))
    rendered.push(value)
  }
  await new Promise<void>((resolve) => {
    const List = (): ReactNode => {
      const [value] = useLiveSession('division')
      useLayoutEffect(() => {
        committed.push([...new Set([...container.children].map(({ textContent }) => textContent))].join())
        if (value === 2) resolve()
      })
      return ROWS.map((row) => <Row key={row} rendered={onRendered} />)
    }
    startTransition(() =>
      root.render(
        <LiveSessionProvider live={untyped}>
          <List />
        </LiveSessionProvider>,
      ),
    )
  })
  expect(new Set(committed)).toEqual(new Set(['2']))
  // It did change in the midst of it.
  expect(rendered.indexOf(2)).toBeGreaterThan(0)
  expect(rendered.indexOf(2)).toBeLessThan(ROWS.length)
  root.unmount()
  clock.mockRestore()
})
