import type { VNode } from 'preact'

/** A whole document: two tabs side by side in a window. */
export function Two(): VNode {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Two tabs · ControlManiac</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
      </head>
      <body class="two">
        <header>
          <h1>Two tabs of one visitor</h1>
          <p>
            Choose a division in one: the other follows. <a href="/">Back to one</a>
          </p>
        </header>
        <main>
          <iframe src="/" title="The first tab" />
          <iframe src="/costs" title="The second tab" />
        </main>
      </body>
    </html>
  )
}
