import type { Sub } from '../../shared/sub.js'
import type { Settings } from '../options.js'
import { Generations } from '../values/generations.js'
import { RECENTLY } from './recent.js'
import { type BrowserSubject, subjectHash } from './subject.js'

/**
 * Browser ids that this process has made in its first ten minutes. What was given up before it began, no process remembers by itself.
 * Of an id that is young, and that it has not made, it knows all only once it is older than such an id can be.
 */
export class Newborns {
  readonly #clock: () => number
  readonly #start: number
  /** Public names: pages know no more of them. */
  readonly #names: Generations<true>

  constructor({ maxSubjects, clock }: Pick<Settings, 'maxSubjects' | 'clock'>) {
    this.#clock = clock
    this.#start = clock()
    this.#names = Generations.onMap({ max: maxSubjects, clock })
  }

  /** Takes note of an id that a browser is given. */
  add(browser: BrowserSubject): void {
    if (this.#isGrownUp) this.#names.clear()
    else this.#names.set(subjectHash(browser), true)
  }

  /** Whether this process has seen all that became of a young id. */
  hasSeen(browser: Sub): boolean {
    return this.#isGrownUp || this.#names.get(browser) !== undefined
  }

  get #isGrownUp(): boolean {
    return this.#clock() - this.#start >= RECENTLY
  }
}
