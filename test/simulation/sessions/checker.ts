import { AppSessions } from '../../../server/features/session-store/app-sessions.js'
import { type SessionName, sessionName } from '../../../server/features/session-store/session-content.js'
import type { Exchange } from '../browser.js'
import type { Deployment, ServerNode } from '../deployment.js'
import { cookieIn } from '../registers.js'
import { type Harm, note } from '../tally.js'
import { type Content, End, type SignIn } from './ends.js'

/** A session that an answer has given to a browser. */
interface Issued {
  readonly content: Content
  readonly node: ServerNode
  /** The processes that the news of it can reach, with their number of evictions before it. */
  readonly reach: ReadonlyMap<ServerNode, number>
  /** The processes that must have it in memory, with the number of evictions at that time. */
  readonly holders: Map<ServerNode, number>
  isStored: boolean
}

/** What a process must know at the end of a request, a handshake or a call, if the store answers in time. */
export interface Beginning {
  readonly node: ServerNode
  /** The id of the session in the request's cookie. */
  readonly id: string | undefined
  readonly heard: readonly End[]
  readonly loadable: readonly End[]
  readonly troubles: number
  readonly wasWell: boolean
  /** The number of evictions of each process. */
  readonly evictions: ReadonlyMap<ServerNode, number>
}

/** Checks that what has ended is signed in nowhere, and that all else stays signed in. */
export class SessionChecker {
  readonly #signIns: SignIn[] = []
  readonly #deployment: Deployment
  readonly #fail: (what: string, harm: Harm) => void
  readonly #ends: End[] = []
  readonly #issued = new Map<string, Issued>()
  /** By id, the guest's id that it comes from: two requests may sign in from it at once, and one sign-out then ends both. */
  readonly #guests = new Map<string, string>()
  /** By id, the id in the cookie of the request that it answers. */
  readonly #formers = new Map<string, string>()
  /** The logins that each id has had. */
  readonly #logins = new Map<string, Set<number | undefined>>()
  /** By id, the requests that have regenerated or destroyed its session, or were about to. */
  readonly #left = new Map<string, Beginning[]>()
  /** The ids whose end a process has told. */
  readonly #retired = new Map<string, ServerNode>()
  #moment = 0
  #lastLogin = 0

  constructor(deployment: Deployment, fail: (what: string, harm: Harm) => void) {
    this.#deployment = deployment
    this.#fail = fail
  }

  get ids(): readonly string[] {
    return [...this.#issued.keys()]
  }

  now(): number {
    this.#moment += 1
    return this.#moment
  }

  newLogin(): number {
    this.#lastLogin += 1
    return this.#lastLogin
  }

  /**
   * Called when a route has set another user; `signedIn` follows.
   *
   * @param id of the session that the request continues
   */
  signsIn(user: string, id: string | undefined): number {
    const { nodes } = this.#deployment
    const knew = new Set(this.#ends.filter((end) => nodes.every((node) => end.isKnown(node, false))))
    return this.#signIns.push({ user, knew, isSaid: false, named: undefined, id }) - 1
  }

  identified(number: number): void {
    const signIn = this.#signIns[number]
    if (signIn) signIn.isSaid = true
  }

  /** @param since what the process had to know when each of these began; without any, what all processes knew before the sign-in */
  signedIn(number: number, since: readonly Beginning[], named: number = this.now()): void {
    const signIn = this.#signIns[number]
    if (!signIn || signIn.named !== undefined) return
    signIn.named = named
    if (since.length > 0)
      signIn.knew = new Set(this.#ends.filter((end) => since.every((one) => known(one).includes(end))))
  }

  /** Called when a sign-out or a revocation begins. */
  begins(given: Omit<End['given'], 'began'>): End {
    const end = new End({ ...given, began: this.now() }, this.#deployment.nodes)
    this.#ends.push(end)
    return end
  }

  /** @param since what the process had to know when it began */
  revoked(end: End, since: Beginning): void {
    end.knew = new Set(known(since))
    end.isTold = true
    const spared = this.#signIns[end.given.spared ?? -1]
    if (spared) spared.knew = new Set([...spared.knew, end])
  }

  /** Called when a request is about to end the session that its cookie names. */
  leaves(since: Beginning, id: string | undefined = since.id): void {
    if (id !== undefined) this.#left.set(id, [...(this.#left.get(id) ?? []), since])
  }

  retires({ id, node }: Beginning): void {
    if (id !== undefined) this.#retired.set(id, node)
  }

  hasRetired({ id = '', node }: Beginning): boolean {
    return this.#retired.get(id) === node
  }

  /** @param isFresh whether the process asks the store, even if it has just asked */
  arrives(node: ServerNode, cookies: string = '', isFresh: boolean = false): Beginning {
    return {
      node,
      id: cookieIn(cookies, 'app'),
      heard: this.#ends.filter((end) => end.isKnown(node, false)),
      loadable: this.#ends.filter((end) => end.isKnown(node, true) || (isFresh && end.isTold && end.isStored)),
      troubles: node.line?.troubles ?? 0,
      wasWell: isWell(node),
      evictions: new Map(this.#deployment.nodes.map((one) => [one, one.evictions])),
    }
  }

  /** Called with the session, and the plugin's user, at the start of a route, right after a handshake, or of an open socket. */
  sees(since: Beginning, content: Content, where: string, userId: string | undefined): void {
    const { node, id = '' } = since
    const { user, signIn } = content
    const fail = (what: string, harm: Harm): void => this.#fail(`${where} at node ${node.index} ${what}`, harm)
    if (userId !== user) fail(`belongs to ${userId}, but shows ${JSON.stringify(content)}`, 'foreign')
    const beside = this.#signInsOf(id)
    // Values are merged key by key: of two sign-ins at once, one may give the user, and the other one the rest. A session that goes on
    // after a sign-out keeps what was written at the same time.
    const users = [undefined, user, ...(content.past ?? [])]
    const by = this.#signIns[signIn ?? -1]?.user
    const isOwn = this.#signIns.some((one) => one.user === user) && users.includes(by)
    const writers = [...users, ...beside.map(({ one }) => one.user)]
    if ((user !== undefined && !isOwn) || !writers.includes(content.note))
      fail(`shows ${JSON.stringify(content)}`, 'foreign')
    const isTold = !where.endsWith('socket') || this.#signIns[signIn ?? -1]?.isSaid
    // A sign-in beside it in the same session counts as well.
    const others = beside.filter(({ one }) => one.user === user).map(({ at }) => at)
    const ends = [by === user ? signIn : undefined, ...others].map((at) =>
      this.#endOf({ ...content, signIn: at }, known(since)),
    )
    const end = isTold && ends.every(Boolean) ? ends[0] : undefined
    if (end) fail(`is signed in as ${JSON.stringify(content)} after ${textOf(end)}`, 'foreign')
    const expected = this.#expected(since, where === 'an open socket')
    if (expected && user !== expected.user) fail(`has lost the sign-in ${JSON.stringify(expected)}`, 'other')
    if (expected) note(`${where} stays signed in`)
    else if (user === undefined && known(since).some((one) => one.ends(this.contentOf(id), this.#signIns)))
      note(`${where} has ended`)
  }

  /** @param before the session when the route began @param after when it ended @param own the ends that this request began */
  answered(
    response: Exchange['response'],
    since: Beginning,
    before: Content,
    after: Content,
    own: readonly End[],
  ): void {
    const { node, evictions, id: former } = since
    const id = givenId(response)
    if (!id || response?.statusCode !== 200) return
    // An answer may bring the cookie of its own sign-in that was revoked under way.
    const isUnderWay = this.#ends.some(({ given }) => given.user === after.user) && after.signIn !== before.signIn
    if (!isUnderWay && isOver(node, sessionName(id)))
      this.#fail(`an answer of node ${node.index} brings the cookie of a session that has ended`, 'other')
    const others = this.#ends.filter((end) => !own.includes(end))
    if (others.some((end) => this.#mayEnd(end, before) || this.#mayEnd(end, after))) this.leaves(since, id)
    const guest = before.login === undefined ? former : before.login === after.login && this.#guests.get(former ?? '')
    if (guest) this.#guests.set(id, guest)
    if (former !== undefined && former !== id) this.#formers.set(id, former)
    this.#logins.set(id, this.#loginsOf(id).add(after.login))
    const reach = this.#issued.get(id)?.holders ?? evictions
    const holders = new Map([[node, evictions.get(node) ?? 0]])
    this.#issued.set(id, { content: after, node, reach, holders, isStored: false })
  }

  /**
   * Called with an answer that brings no session.
   *
   * @param spared the number of the sign-in that the request's own revocation leaves, if it has made one
   */
  bringsNone(since: Beginning, before: Content, spared: number): void {
    const isSpared = this.#ends.some(({ isTold, given }) => isTold && given.spared === spared)
    if (isSpared && this.#expected(since, false, spared))
      this.#fail(
        `node ${since.node.index} ends the session ${JSON.stringify(before)} that its revocation leaves`,
        'other',
      )
  }

  /** Whether a user has signed in to a session, or to one that has led to it. */
  isAfterUser(id: string): boolean {
    return [...this.#lineOf(id)].some((one) => this.contentOf(one).user !== undefined)
  }

  contentOf(id: string): Content {
    return this.#issued.get(id)?.content ?? {}
  }

  /** Called after each step. */
  spread(): void {
    const { bus, store } = this.#deployment
    for (const end of this.#ends) end.spread(this.#deployment)
    for (const issued of this.#issued.values()) {
      const { node, reach, holders } = issued
      issued.isStored ||= !node.isOver && node.process.core.store?.unsaved.size === 0
      if (node.isOver || store) continue
      // A change that comes before its session is ignored.
      for (const [other, evictions] of bus?.isInOrder ? reach : [])
        if (!holders.has(other) && !bus?.isPending(other.index)) holders.set(other, evictions)
    }
  }

  outdates(nodes: readonly ServerNode[]): void {
    for (const end of this.#ends) for (const node of nodes) end.outdates(node)
  }

  /** Returns the sign-ins by requests of a session, also under its former ids. */
  #signInsOf(id: string): readonly { readonly one: SignIn; readonly at: number }[] {
    const ids = this.#lineOf(id)
    return this.#signIns.flatMap((one, at) => (ids.has(one.id ?? '') ? [{ one, at }] : []))
  }

  #endOf(content: Content, known: readonly End[]): End | undefined {
    return content.user === undefined ? undefined : known.find((end) => end.ends(content, this.#signIns))
  }

  /**
   * Returns what a session contains that certainly goes on without the request or socket itself, if it is signed in.
   *
   * @param spared the number of the sign-in that the request's own revocation leaves
   */
  #expected(since: Beginning, isOpen: boolean, spared: number = -1): Content | undefined {
    const { node, id = '' } = since
    const issued = this.#issued.get(id)
    const isLeft = this.#left.get(id)?.some((one) => one !== since)
    if (issued?.content.user === undefined || isLeft || this.#isContended(id, issued.content)) return undefined
    const { content, holders, isStored } = issued
    // An open socket asks the store only every `storeRefresh`.
    const isLoaded = !isOpen && isStored && node.line && isWellSince(since)
    const isThere = holders.get(node) === node.evictions || isLoaded
    const guest = this.#guests.get(id)
    const isEnding = (end: End): boolean =>
      end.given.spared !== spared &&
      (this.#mayEnd(end, content) || (guest !== undefined && guest === this.#guests.get(end.given.id ?? '')))
    return isThere && !this.#ends.some(isEnding) ? content : undefined
  }

  /** Whether requests of one session sign in two users at once, in the same session or in two that follow it: either may go on. */
  #isContended(id: string, { user, past = [] }: Content): boolean {
    return this.#signInsOf(id).some(({ one }) => one.user !== user && !past.includes(one.user))
  }

  /** A guest's session that has followed an ended session goes on in its login: then a sign-out there ends it. */
  #mayEnd(end: End, content: Content): boolean {
    const loginsOf = (id: string) => new Set([...this.#lineOf(id)].flatMap((one) => [...this.#loginsOf(one)]))
    return end.mayEnd(content, this.#signIns, loginsOf)
  }

  /** Returns an id with the ids that have led to it, each in the cookie of the request that the next answers. */
  #lineOf(id: string): ReadonlySet<string> {
    const ids = new Set<string>()
    for (let now: string | undefined = id; now !== undefined && !ids.has(now); now = this.#formers.get(now))
      ids.add(now)
    return ids
  }

  #loginsOf(id: string): Set<number | undefined> {
    return this.#logins.get(id) ?? new Set()
  }
}

/** Whether a process itself counts a session as ended. */
function isOver({ process }: ServerNode, name: SessionName): boolean {
  const sessions = process.core.featureData.find((data) => data instanceof AppSessions)
  const session = sessions?.find(name)
  return sessions?.isRetired(name) || (session !== undefined && sessions?.endOf(session) !== undefined)
}

/** Returns the id in the session cookie of an answer. */
export function givenId(response: Exchange['response']): string | undefined {
  return response?.cookies.find(([name]) => name === 'app')?.[1]
}

function isWell({ line }: ServerNode): boolean {
  return line === undefined || line.isWell
}

/** Whether the store has answered a process in time since then. */
export function isWellSince({ node, troubles, wasWell }: Beginning): boolean {
  return wasWell && isWell(node) && troubles === (node.line?.troubles ?? 0)
}

function known(since: Beginning): readonly End[] {
  return isWellSince(since) ? since.loadable : since.heard
}

function textOf({ given: { user, login, node } }: End): string {
  return `${user === undefined ? `the sign-out of login ${login}` : `the revocation of ${user}`} at node ${node.index}`
}
