import { hostname } from 'node:os'
import type { Server } from 'socket.io'
import type { Census, NodeSockets } from '../ends/beyond.js'
import { isSubject, type Subject } from '../names/subject.js'
import type { UpToVisitors } from '../visitors/up-to-visitors.js'

/** Messages between the processes of an app: how many sockets these subjects have there, and the answer. */
const COUNT = 'live_session:count'
const COUNTED = 'live_session:counted'

/** Maximum number of subjects in one question. */
const MOST_SUBJECTS = 100
const MOST_NODES = 1000
const LONGEST_NODE = 300
/** ms after which an answer no longer counts: its process may be gone. */
const LASTING = 5000
/** ms between two questions, however many people look. */
const PAUSE = 900

interface Answer extends NodeSockets {
  readonly at: number
}

/** The name that tells this process from others. */
export const NODE: string = `${hostname()}:${process.pid}`

/**
 * The count of the sockets that are open at other processes. Question and answer are separate messages: if socket.io had to collect the
 * answers, an adapter whose server is down would end the process.
 */
export class SocketCensus implements Census {
  readonly #io: Server
  readonly #core: UpToVisitors
  readonly #answers = new Map<string, Answer>()
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(io: Server, core: UpToVisitors) {
    this.#io = io
    this.#core = core
    io.on(COUNT, (subjects: unknown) => this.#answer(subjects))
    io.on(COUNTED, (...answer: unknown[]) => this.#hear(answer))
  }

  get others(): readonly NodeSockets[] {
    const since = this.#now() - LASTING
    for (const [node, { at }] of this.#answers) if (at < since) this.#answers.delete(node)
    return [...this.#answers.values()].sort((one, other) => (one.node < other.node ? -1 : 1))
  }

  ask(subjects: readonly Subject[]): void {
    const age = this.#now() - this.#askedAt
    // If the clock was set back, it is unknown how long ago that was.
    if (age >= 0 && age < PAUSE) return
    this.#askedAt = this.#now()
    this.#emit(COUNT, subjects.slice(0, MOST_SUBJECTS))
  }

  #answer(subjects: unknown): void {
    if (!Array.isArray(subjects) || subjects.length > MOST_SUBJECTS) return
    const counts = subjects.flatMap((subject: unknown) => {
      const sockets = typeof subject === 'string' && isSubject(subject) && socketsOf(this.#core, subject)
      return sockets ? [[subject, sockets]] : []
    })
    this.#emit(COUNTED, NODE, allSockets(this.#core), counts)
  }

  /** All processes get each answer: those that have not asked keep none. */
  #hear([node, sockets, counts]: readonly unknown[]): void {
    if (this.#now() - this.#askedAt > LASTING || this.#answers.size >= MOST_NODES) return
    if (typeof node !== 'string' || node.length > LONGEST_NODE || !isCount(sockets) || !Array.isArray(counts)) return
    const bySubject = new Map(counts.filter(isSubjectCount))
    this.#answers.set(node, { node, sockets, bySubject, at: this.#now() })
  }

  #emit(event: string, ...args: readonly unknown[]): void {
    if (!this.#core.remote.peers?.hasAdapter) return
    try {
      this.#io.serverSideEmit(event, ...args)
    } catch (error) {
      this.#core.report(error)
    }
  }

  #now(): number {
    return this.#core.settings.clock()
  }
}

/** Returns the number of open sockets of this process. */
export function allSockets({ connections }: Pick<UpToVisitors, 'connections'>): number {
  return connections.all().reduce((sum, { sockets }) => sum + sockets, 0)
}

/** Returns the number of open sockets of one subject in this process. */
export function socketsOf({ subjects }: Pick<UpToVisitors, 'subjects'>, subject: Subject): number {
  return subjects.holding(subject)?.outlets.size ?? 0
}

function isCount(count: unknown): count is number {
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0
}

function isSubjectCount(item: unknown): item is [string, number] {
  return Array.isArray(item) && typeof item[0] === 'string' && isCount(item[1])
}
