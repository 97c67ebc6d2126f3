import type { VNode } from 'preact'

/** Explains the marks in the panel. */
export function HoodLegend({ isCluster }: { readonly isCluster: boolean }): VNode {
  return (
    <section class="hood-legend" aria-labelledby="legend-heading">
      <h2 id="legend-heading" class="visually-hidden">
        Legend
      </h2>
      <dl>
        <div>
          <dt>A place</dt>
          <dd>
            <span data-held="true">has this value</span> <span data-held="false">has it not</span>
          </dd>
        </div>
        <div>
          <dt>{isCluster ? 'node' : 'cache'}</dt>
          <dd>{isCluster ? 'its memory' : 'the server’s memory'}, gone when it ends</dd>
        </div>
        {isCluster && (
          <div>
            <dt>Redis</dt>
            <dd>the store of all nodes</dd>
          </div>
        )}
        <div>
          <dt>cookie</dt>
          <dd>signed, in your browser</dd>
        </div>
        <div>
          <dt>page</dt>
          <dd>this tab</dd>
        </div>
        <div>
          <dt>A change</dt>
          <dd>
            <span class="state saved">saved: in your cookie</span> <span class="state saving">saving</span>{' '}
            <span class="state offline">offline or rejected</span>
          </dd>
        </div>
        <div>
          <dt>Stamp</dt>
          <dd>when the server took the value; the newest wins</dd>
        </div>
      </dl>
    </section>
  )
}
