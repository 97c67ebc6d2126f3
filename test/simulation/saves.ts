import type { JsonValue } from '../../shared/json.js'
import type { Browser } from './browser.js'
import { ADDED_TO } from './builds.js'
import { isNewer, type Register, type Registers } from './registers.js'
import { isSame, type Whose } from './whos.js'

interface Save {
  readonly browser: Browser
  readonly owner: Whose
  readonly key: string
  readonly register: Register
}

/** What pages were told to be saved. Their browser keeps it for as long as the same visitor is there, whatever becomes of servers and pages. */
export class Saves {
  readonly #saves: Save[] = []

  add(browser: Browser, owner: Whose, key: string, register: Register): void {
    this.#saves.push({ browser, owner, key, register })
  }

  /** By key, the newest of a browser's visitor; of a list to which pages add, all that was added. */
  of(browser: Browser, now: Whose): { readonly newest: Registers; readonly added: readonly JsonValue[] } {
    const newest = new Map<string, Register>()
    const own = this.#saves.filter((save) => save.browser === browser && isSame(save.owner, now))
    for (const { key, register } of own)
      if (key !== ADDED_TO && isNewer(register, newest.get(key))) newest.set(key, register)
    const added = own.flatMap(({ key, register }) => (key === ADDED_TO ? (register.value as JsonValue[]) : []))
    return { newest, added }
  }
}
