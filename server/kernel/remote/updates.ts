import { randomBytes } from 'node:crypto'
import type { ChangeSource } from '../../../shared/change.js'
import { LiveSessionError } from '../../../shared/errors.js'
import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import type { Level } from '../../../shared/protocol.js'
import type { StoredRegister } from '../../../shared/register.js'
import type { Replica } from '../../../shared/replica.js'
import { LOGIN_STAMP, NEVER, newestOf, nextStamp, type Stamp } from '../../../shared/stamp.js'
import { carrying, takenAt } from '../../../shared/taken-ids.js'
import type { Settings } from '../../options.js'
import type { Keeper } from '../ends/beyond.js'
import type { StoredName } from '../names/stored-name.js'
import { isSubject, isUser } from '../names/subject.js'
import type { StoreHealth } from './health.js'
import type { SoundStore } from './sound-store.js'

/** How often a value is computed again because another process was faster. */
const MAX_ATTEMPTS = 50
/** Bytes of an id: enough that no two are the same. */
const ID_BYTES = 12
/** ms for which handlers and jobs wait for a silent store. */
const PATIENCE = 10_000
/** ms between two attempts of theirs. */
const PAUSE = 100

/** A value that is computed from the one before it. */
export interface Update {
  readonly field: Pick<Field, 'key' | 'refusal'>
  /** Computes it from what memory has. */
  readonly next: () => JsonValue | undefined
  /** Throws if the visitor has gone meanwhile. */
  readonly permit: () => void
  readonly source: ChangeSource
  /** The update gets a larger stamp than this. @default the stamp of what memory has */
  readonly seen?: Stamp
}

/** The memory of what is known to be in the store. */
export interface Memory<N extends StoredName> {
  find(name: N): Replica | undefined
  confirm(name: N, register: StoredRegister, source: ChangeSource): void
  /** @throws {LiveSessionError} `closed` */
  checkOpen(): void
}

/** The answers that the store was asked for. */
export interface Answers<N extends StoredName> {
  ensure(names: readonly N[]): Promise<unknown> | undefined
  isLoaded(name: N): boolean
  inTime(name: N): Promise<unknown>
}

/** The store, and the keeper of a value there once it stands. */
interface Place extends Pick<Keeper, 'keep'> {
  readonly health: StoreHealth
  readonly sound: SoundStore
  /** A user's values get another name with each erasure. */
  nameOf(name: StoredName): string
  level(names: Iterable<StoredName>): Promise<Level>
}

/** Updates that compute values from those before them, in the store, by compare-and-set. */
export class Updates<N extends StoredName> {
  readonly #place: Place
  readonly #answers: Answers<N>
  readonly #memory: Memory<N>
  readonly #settings: Pick<Settings, 'clock'>
  readonly #underWay = new InTurn()

  constructor(place: Place, answers: Answers<N>, memory: Memory<N>, settings: Pick<Settings, 'clock'>) {
    this.#place = place
    this.#answers = answers
    this.#memory = memory
    this.#settings = settings
  }

  /**
   * Makes an update once, however often its id is resent: a silent store may have taken it without an answer.
   *
   * @throws {LiveSessionError} `store_unavailable`, `conflict` or `closed`
   */
  async make(subject: N, id: string, update: Update): Promise<Stamp> {
    const { health } = this.#place
    // If nothing else is due, only this question shows whether a silent store is back.
    if (health.state !== 'good' && health.concurrency > 0) await this.#answers.inTime(subject)
    return this.#underWay.run(subject, async () => {
      try {
        return await this.#make(subject, id, update)
      } catch (error) {
        // A load erases what the store has taken of a guest who has left meanwhile.
        const hasLeft = error instanceof LiveSessionError && error.code === 'superseded'
        if (hasLeft && isSubject(subject) && !isUser(subject)) await this.#answers.inTime(subject)
        throw error
      }
    })
  }

  /**
   * Makes an update for handlers and jobs, whose updates no page resends: retries while the store is silent.
   *
   * @throws {LiveSessionError} the same, `store_unavailable` after 10 s
   */
  async insist(subject: N, update: Update): Promise<Stamp> {
    const { health } = this.#place
    const id = randomBytes(ID_BYTES).toString('base64url')
    const end = performance.now() + PATIENCE
    for (;;) {
      try {
        return await this.make(subject, id, update)
      } catch (error) {
        const isSilent = error instanceof LiveSessionError && error.code === 'store_unavailable'
        if (!isSilent || performance.now() >= end) throw error
      }
      do {
        await new Promise((resolve) => setTimeout(resolve, PAUSE))
        update.permit()
        this.#memory.checkOpen()
      } while (health.concurrency === 0 && performance.now() < end)
    }
  }

  /** Returns whether the store may have something that memory does not have yet. */
  isUnderWay(subject: N): boolean {
    return this.#underWay.has(subject)
  }

  /** Resolves when all updates under way have ended. */
  ended(): Promise<void> {
    return this.#underWay.ended()
  }

  async #make(subject: N, id: string, update: Update): Promise<Stamp> {
    const { field, next, permit, source, seen = NEVER } = update
    const { health, sound } = this.#place
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      // Each update that waits would ask a store that is down.
      if (health.state === 'good') await this.#answers.ensure([subject])
      const isAnswering = this.#answers.isLoaded(subject) && (await this.#place.level([subject])) === 'store'
      permit()
      this.#memory.checkOpen()
      const replica = this.#memory.find(subject)
      const standing = replica?.register(field.key)
      const taken = takenAt(standing, id)
      if (standing && taken !== undefined) {
        // The store may have taken it without an answer, so that only this process knows it yet.
        this.#memory.confirm(subject, standing, source)
        // Another process announced it: an earlier build may keep it in memory alone.
        if (replica?.source(field.key) === 'node') this.#place.keep(subject, [standing])
        return taken
      }
      if (!isAnswering) throw field.refusal('store_unavailable', `update("${field.key}"): the store does not answer`)
      const now = this.#settings.clock()
      const expected = standing?.stamp ?? NEVER
      const stamp = nextStamp(now, newestOf([expected, LOGIN_STAMP, seen]))
      const register = carrying({ key: field.key, stamp, value: next() }, replica, now, id)
      const name = this.#place.nameOf(subject)
      const isSet = await health.inTime(
        health.ask(() => sound.compareAndSet(name, register, expected)).catch(() => undefined),
      )
      // Erased meanwhile: deletes what may have been written there, and computes again from what is left.
      if (this.#place.nameOf(subject) !== name) {
        sound.merge(name, [{ key: field.key, stamp: nextStamp(stamp, stamp) }]).catch(() => undefined)
        continue
      }
      if (isSet) {
        // The visitor may have gone while the store was asked: what is written then belongs to no account.
        permit()
        this.#memory.confirm(subject, register, source)
        return stamp
      }
      // Memory and the store differ: each learns what the other has.
      if (isSet === false) await this.#answers.inTime(subject)
    }
    throw field.refusal('conflict', `update("${field.key}"): others were faster ${MAX_ATTEMPTS} times`)
  }
}

/** Actions that run one after the other under each name: each starts from the result of the last. */
class InTurn {
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(name: string, act: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(name) ?? Promise.resolve()).then(act)
    const settled = mine.catch(() => undefined)
    this.#last.set(name, settled)
    void settled.then(() => this.#last.get(name) === settled && this.#last.delete(name))
    return mine
  }

  /** Whether something under that name has not ended. */
  has(name: string): boolean {
    return this.#last.has(name)
  }

  /** Resolves when all that was begun until now has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#last.values())
  }
}
