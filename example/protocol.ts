import type { Inspection } from 'koa-live-session'

/** The views, in the order of the navigation. */
export const viewPaths = ['/', '/projects', '/costs'] as const
export type ViewPath = (typeof viewPaths)[number]

/** Returns whether a view has the path. */
export function isViewPath(path: string): path is ViewPath {
  return viewPaths.some((view) => view === path)
}

/** A view rendered by the server, for the page to patch in. */
export interface RenderedView {
  readonly path: ViewPath
  readonly title: string
  /** Content of `main`. */
  readonly html: string
  /** HTML with the signed-in user: another tab may have signed in or out. */
  readonly account: string
  /** The division of the figures. */
  readonly division: number
}

/** The server's answer about a name typed in the sign-in form. */
export interface NameCheck {
  /** Whether a user has this name. */
  readonly isKnown: boolean
  readonly hint: string
}

/** Outcome of a sign-in: a redirect follows (`sent`), the name is `unknown`, or the page must POST the form (`post`). */
export type SignInOutcome = 'sent' | 'unknown' | 'post'

/** Events from a page over its socket. */
export interface ViewEvents {
  view: (path: ViewPath, answer: (view: RenderedView) => void) => void
  name: (name: string, answer: (check: NameCheck) => void) => void
  'sign-in': (name: string, answer: (outcome: SignInOutcome) => void) => void
}

/** Events to a page over its socket. */
export interface NodeEvents {
  /** If there are several nodes, the node of this connection. */
  node: (name: string) => void
  /** The library's own event: a signed change, for the cookie. */
  store_session: (ticket: string) => void
  /** The server has accepted a change of this key. */
  taken: (key: string) => void
  /** How many pages show a division, of all visitors. */
  viewers: (division: number, count: number) => void
}

/** The response to `GET /hood`. */
export interface HoodReport {
  readonly pid: number
  /** ms since 1970 */
  readonly startedAt: number
  /** By key, for each key ever written. */
  readonly inspections: Readonly<Record<string, Pick<Inspection, 'value' | 'stamp' | 'places' | 'source'>>>
  /** The answering node, if there are several. */
  readonly node?: string | undefined
  /** All nodes, in order. */
  readonly nodes?: readonly string[] | undefined
}
