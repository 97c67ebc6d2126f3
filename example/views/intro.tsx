import type { VNode } from 'preact'

/** Introduces this app: the problem, its solution, and three things to try. */
export function Intro(): VNode {
  return (
    <section class="intro" aria-label="What to try">
      <p>
        <b>One choice, the same everywhere.</b> A session usually misses what changes over a socket, and a reload,
        another tab or a restart brings the old choice back. Try it: choose a division,{' '}
        <a href="/" target="_blank" rel="noopener">
          open a second tab
        </a>
        ,{' '}
        <button type="submit" form="restart" class="link">
          restart the server
        </button>
        . Your choice stays.
      </p>
      <form id="restart" method="post" action="/restart" />
    </section>
  )
}
