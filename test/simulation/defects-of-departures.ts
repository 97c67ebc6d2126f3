import type { Defect } from './bundle.js'

/** Mistakes in what becomes of ids, cookies and values once a visitor has left, was revoked, or was erased. */
export const DEFECTS_OF_DEPARTURES: readonly Defect[] = [
  {
    name: 'no browser id is ever given up',
    file: 'server/kernel/visitors/identities.ts',
    find: 'this.#core.epochs.giveUp(browserSubject(browser), user, (user ?? owner) !== undefined, registers.length === 0)\n    if (!hasLeft)',
    replace: 'if (!hasLeft)',
  },
  {
    name: 'a late answer writes the cookie of an id that was given up',
    file: 'server/kernel/requests/ended-since.ts',
    find: 'return this.#epochs.hasEnded(recognized, this.#ends) || this.#isGivenUpSince',
    replace: 'return false',
  },
  {
    name: 'a late answer writes the cookie of a user who was revoked',
    file: 'server/kernel/ends/epochs.ts',
    find: 'if (cookie) return !this.isCurrent(cookie)',
    replace: 'if (cookie) return this.isGivenUp(cookie.browserSubject)',
  },
  {
    name: 'a late answer writes the cookie of a user who had none, and has left',
    file: 'server/kernel/ends/epochs.ts',
    find: ' || (userSub !== undefined && this.hasLeftSince(userSub, ends))',
    replace: '',
  },
  {
    name: 'the values of a user go to the next visitor',
    file: 'server/kernel/visitors/identities.ts',
    find: 'isGuest ? registers : registers.filter(sessions.isBrowsers)',
    replace: 'registers',
  },
  {
    name: 'erased values stay',
    file: 'server/kernel/exchange/revocations.ts',
    find: 'sessions.erase(user)',
    replace: '',
  },
  {
    name: 'cookies bring erased values back',
    file: 'server/kernel/exchange/revocations.ts',
    find: 'epochs.erase(user)',
    replace: 'void epochs',
  },
  {
    name: 'a cookie of a generation that has ended is good',
    file: 'server/kernel/ends/user-epochs.ts',
    find: 'return generation >= known.generation && (epoch',
    replace: 'return generation >= 0 && (epoch',
  },
  {
    name: 'what is of a generation that has ended is taken over',
    file: 'server/kernel/values/sessions.ts',
    find: 'return generation >= known\n',
    replace: 'return true\n',
  },
  {
    name: 'a newer generation is not noticed',
    file: 'server/kernel/values/sessions.ts',
    find: 'if (generation > known && isUser(subject)) {',
    replace: 'if (generation < 0 && isUser(subject)) {',
  },
  {
    name: 'what was known stays as a newer generation begins',
    file: 'server/kernel/values/sessions.ts',
    find: 'epochs.startGeneration(subject, generation)\n      this.erase(subject)',
    replace: 'epochs.startGeneration(subject, generation)',
  },
  {
    name: 'cookies do not say of which generation they are',
    file: 'server/kernel/cookie/cookie-text.ts',
    find: 'g: generation || undefined',
    replace: 'g: undefined',
  },
  {
    name: 'tickets do not say of which generation they are',
    file: 'server/kernel/values/dispatch.ts',
    find: 'const generation = this.#core.epochs.generation(subject) || undefined',
    replace: 'const generation = undefined',
  },
  {
    name: 'sockets of a user who was revoked stay open',
    file: 'server/kernel/exchange/revocations.ts',
    find: "await connections.end(connections.of(user), 'other_subject')",
    replace: '',
  },
]
