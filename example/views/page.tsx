import type { ComponentChildren, VNode } from 'preact'
import { ALL_DIVISIONS, divisions } from '../divisions.js'
import { viewPaths } from '../protocol.js'
import { type Theme, themes } from '../themes.js'
import type { User } from '../users.js'
import { Account } from './account.js'
import { Choice, type Option } from './choice.js'
import { capitalized } from './format.js'
import { Intro } from './intro.js'
import { views } from './view.js'

interface PageProps {
  readonly path: string
  readonly title: string
  readonly division: number
  readonly theme: Theme
  readonly user: User | undefined
  /** The flash messages. */
  readonly messages: readonly string[]
  /** The path of the inspector, if any. */
  readonly inspector: string | undefined
  /** The result of `ctx.liveSession.embed()`. */
  readonly embedded: string
  readonly children: ComponentChildren
}

const themeOptions: readonly Option[] = themes.map((theme) => {
  return { value: theme, label: capitalized(theme) }
})
const divisionOptions: readonly Option[] = [
  { value: String(ALL_DIVISIONS), label: <AllDivisions /> },
  ...divisions.map(({ id, name }) => ({ value: String(id), label: name })),
]

/** A whole document, for a full load. */
export function Page(props: PageProps): VNode {
  const { path, title, division, theme, user, messages, inspector, embedded, children } = props
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <title>{title}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/style.css" />
        <script type="module" src="/browser.js" />
      </head>
      <body>
        <a class="skip-link" href="#main">
          Skip to content
        </a>
        <header class="top">
          <a class="brand" href="/">
            <img src="/favicon.svg" alt="" width="20" height="20" />
            ControlManiac
          </a>
          <p id="connection" class="connection" role="status" />
          <div id="account" class="account">
            <Account user={user} />
          </div>
        </header>
        <div class="bar">
          <nav aria-label="Main">
            <ul>
              {viewPaths.map((view) => (
                <li key={view}>
                  <a href={view} {...(view === path ? { 'aria-current': 'page' } : {})}>
                    {views[view].title}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <Choice name="division" legend="Division" value={String(division)} options={divisionOptions} />
        </div>
        <Intro />
        <p id="flash" class="notice" role="status">
          {messages.join(' ')}
        </p>
        <p id="notice" class="notice" role="status" />
        <main id="main" tabIndex={-1} data-division={division}>
          {children}
        </main>
        <footer>
          <p>
            A studio that does not exist, with figures that do not change. <span id="viewers" />{' '}
            <a href="/two" target="_top">
              Two tabs side by side
            </a>
            {inspector && (
              <>
                {' '}
                <a href={inspector} target="_top">
                  Inspector
                </a>{' '}
                (open it first by the URL in the terminal)
              </>
            )}
          </p>
          <button id="save" type="button" class="button" hidden>
            Save this division
          </button>
          <Choice name="theme" legend="Theme" value={theme} options={themeOptions} />
        </footer>
        <p id="announcer" class="visually-hidden" aria-live="polite" />
        <aside id="hood" class="hood" aria-label="Under the hood" />
        {/* An inert script element, which the library escapes. */}
        <div hidden dangerouslySetInnerHTML={{ __html: embedded }} />
      </body>
    </html>
  )
}

function AllDivisions(): VNode {
  return (
    <>
      All<span class="where-wide"> divisions</span>
    </>
  )
}
