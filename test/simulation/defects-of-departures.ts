import type { Defect } from './bundle.js'

/** Mistakes in what becomes of ids, cookies and values once a visitor has left, was revoked, or was erased. */
export const DEFECTS_OF_DEPARTURES: readonly Defect[] = [
  {
    name: 'no browser id is ever given up',
    file: 'server/kernel/names/identities.ts',
    find: 'this.#core.epochs.giveUp(browserSubject(browser), user)\n    if (!hasLeft)',
    replace: 'if (!hasLeft)',
  },
  {
    name: 'a late answer writes the cookie of an id that was given up',
    file: 'server/kernel/requests/exchange.ts',
    find: 'hasEnded: epochs.hasEnded(this.#recognized, this.#revocations) || this.#isGivenUpSince,',
    replace: 'hasEnded: false,',
  },
  {
    name: 'a late answer writes the cookie of a user who was revoked',
    file: 'server/kernel/names/epochs.ts',
    find: 'if (cookie) return !this.isStill(cookie)',
    replace: 'if (cookie) return this.isGivenUp(cookie.browserSubject)',
  },
  {
    name: 'a late answer writes the cookie of a user who had none, and has left',
    file: 'server/kernel/names/epochs.ts',
    find: ' || (userSub !== undefined && this.hasLeftSince(userSub, revocations))',
    replace: '',
  },
  {
    name: 'the values of a user go to the next visitor',
    file: 'server/kernel/names/identities.ts',
    find: 'isGuest ? registers : registers.filter(sessions.isBrowsers)',
    replace: 'registers',
  },
  {
    name: 'erased values stay',
    file: 'server/kernel/names/revocations.ts',
    find: 'sessions.erase(user)',
    replace: '',
  },
  {
    name: 'cookies bring erased values back',
    file: 'server/kernel/names/revocations.ts',
    find: 'epochs.erase(user, newestOf(stamps))',
    replace: 'void [epochs, stamps, newestOf]',
  },
  {
    name: 'what comes after an erasure may be dated before it',
    file: 'server/kernel/values/sessions.ts',
    find: 'return toStamp(this.#core.epochs.erasedUntil(subject) + 1)',
    replace: 'return toStamp(1)',
  },
  {
    name: 'sockets of a user who was revoked stay open',
    file: 'server/kernel/names/revocations.ts',
    find: "await connections.end(connections.of(user), 'other_subject')",
    replace: '',
  },
]
