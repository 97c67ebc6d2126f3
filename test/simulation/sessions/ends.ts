import type { Deployment, ServerNode } from '../deployment.js'

/** What the app's routes write into a session, so that each copy says where it comes from. */
export interface Content {
  readonly user?: string
  /** The number of the sign-in. */
  readonly signIn?: number | undefined
  /** The number of the login. A new one begins with a new session, after a sign-out, and by `except`. */
  readonly login?: number
  /** The users who were signed in before. */
  readonly past?: readonly string[]
  /** The user who wrote this. */
  readonly note?: string
}

export interface SignIn {
  readonly user: string
  /** The id of the session that its request continued. */
  readonly id: string | undefined
  /** The ends that the process had to know when the app named the user. */
  knew: ReadonlySet<End>
  /** Whether the app has told the plugin, by `identify()`. Otherwise only a request or handshake can tell whose a session is. */
  isSaid: boolean
  /** The moment at which the process had taken the name; undefined until then, and for a sign-in that has failed. */
  named: number | undefined
}

interface Given {
  readonly node: ServerNode
  readonly began: number
  /** Either the login that a sign-out ends, or the revoked user. */
  readonly login?: number | undefined
  /** The id of the session that signs out, which may meanwhile be of another login. */
  readonly id?: string | undefined
  readonly user?: string
  /** The number of the sign-in that `except` leaves. */
  readonly spared?: number | undefined
}

/** A sign-out of a login or a revocation of a user, and the processes that must know of it. */
export class End {
  readonly given: Given
  /** Whether the app has been told that it is done. */
  isTold = false
  isStored = false
  /** The ends that the process had to know when it began this one. */
  knew: ReadonlySet<End> = new Set()
  readonly #before: ReadonlySet<ServerNode>
  readonly #heard = new Set<ServerNode>()
  /** The processes that must ask the store about it, because what they know is too old. */
  readonly #asking = new Set<ServerNode>()

  constructor(given: Given, nodes: readonly ServerNode[]) {
    this.given = given
    this.#before = new Set(nodes)
  }

  /** @param isWell whether the store has answered the process in time since it asked */
  isKnown(node: ServerNode, isWell: boolean): boolean {
    return this.isTold && (this.#heard.has(node) || (isWell && this.#asking.has(node)))
  }

  /** Called after each step. */
  spread({ nodes, bus }: Deployment): void {
    const { node } = this.given
    if (!this.isTold) return
    this.isStored ||= !node.isOver && node.process.core.store?.unsaved.size === 0
    this.#heard.add(node)
    for (const other of bus ? nodes : [])
      if (this.#before.has(other) && !bus?.isPending(other.index)) this.#heard.add(other)
  }

  /** Called when all that a process has loaded is too old, or when it has loaded nothing yet. */
  outdates(node: ServerNode): void {
    if (this.isStored) this.#asking.add(node)
  }

  ends({ user, login, signIn = -1 }: Content, signIns: readonly SignIn[]): boolean {
    const { given } = this
    if (given.user === undefined) return given.login === login
    const { named = given.began, knew = [] } = signIns[signIn] ?? {}
    // Without a common clock, only a process that knows of an earlier revocation makes a later one.
    const isLater = [...knew].every((end) => end.given.user !== user || this.knew.has(end))
    return given.user === user && named < given.began && isLater && given.spared !== signIn
  }

  /** Whether a session with this content may have ended. */
  mayEnd(
    { user, login, signIn = -1, past = [] }: Content,
    signIns: readonly SignIn[],
    loginsOf: (id: string) => ReadonlySet<number | undefined>,
  ): boolean {
    const { given, isTold } = this
    if (given.user === undefined) return given.login === login || loginsOf(given.id ?? '').has(login)
    const isOver = signIns[signIn]?.knew.has(this) || (isTold && given.spared === signIn)
    return [...past, user].includes(given.user) && !isOver
  }
}
