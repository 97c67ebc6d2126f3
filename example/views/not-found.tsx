import type { VNode } from 'preact'
import { ViewHeading } from './view-heading.js'

/** The view for an unknown path. */
export function NotFound(): VNode {
  return (
    <div id="view-not-found" class="view">
      <ViewHeading title="Not found">There is nothing at this address.</ViewHeading>
      <p>
        <a href="/">Go to Home</a>
      </p>
    </div>
  )
}
