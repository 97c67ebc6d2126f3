import type { Inspection } from 'koa-live-session'

/** The views, in the order of the navigation. */
export const viewPaths = ['/', '/projects', '/costs'] as const
export type ViewPath = (typeof viewPaths)[number]

/** Tells the path of a view from any other text. */
export function isViewPath(path: string): path is ViewPath {
  return viewPaths.some((view) => view === path)
}

/** A view as the server renders it, for the page to patch in. */
export interface RenderedView {
  readonly path: ViewPath
  readonly title: string
  /** What goes into `main`. */
  readonly html: string
  /** Who is signed in: another tab may have changed that. */
  readonly account: string
  /** The division it was rendered for. */
  readonly division: number
}

/** What the server says of a name in the sign-in form, while it is typed. */
export interface NameCheck {
  /** A user is called so. */
  readonly isKnown: boolean
  readonly hint: string
}

/** What came of a sign-in: the page is `sent` on; the name is `unknown`; or the form is to be POSTed as it is. */
export type SignInOutcome = 'sent' | 'unknown' | 'post'

/** What a page asks its socket for. */
export interface ViewEvents {
  view: (path: ViewPath, answer: (view: RenderedView) => void) => void
  name: (name: string, answer: (check: NameCheck) => void) => void
  'sign-in': (name: string, answer: (outcome: SignInOutcome) => void) => void
}

/** What a socket tells its page. */
export interface NodeEvents {
  /** Which of several nodes has this connection. */
  node: (name: string) => void
}

/** What `GET /hood` answers. */
export interface HoodReport {
  readonly pid: number
  /** ms since 1970 */
  readonly startedAt: number
  /** Of each key that was ever written. */
  readonly inspections: Readonly<Record<string, Pick<Inspection, 'value' | 'stamp' | 'places' | 'source'>>>
  /** The node that answers, where there are several. */
  readonly node?: string | undefined
  /** All nodes, in order. */
  readonly nodes?: readonly string[] | undefined
}
