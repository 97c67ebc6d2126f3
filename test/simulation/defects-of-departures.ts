import type { Defect } from './planting.js'

/** Mistakes in what becomes of ids, cookies and values once a visitor has left, was revoked, or was erased. */
export const DEFECTS_OF_DEPARTURES: readonly Defect[] = [
  {
    name: 'no browser id is ever given up',
    at: 'Identities.#giveUp',
    find: 'epochs.giveUp(…)',
    replace: 'undefined',
  },
  {
    name: 'a late answer writes the cookie of an id that was given up',
    at: 'EndedSince.hasEnded',
    find: 'this.#epochs.hasEnded(recognized, this.#ends) || this.#isGivenUpSince',
    replace: 'false',
  },
  {
    name: 'a late answer writes the cookie of a user who was revoked',
    at: 'Epochs.hasEnded',
    find: '!this.isCurrent(cookie)',
    replace: 'this.isGivenUp(cookie.browserSubject)',
  },
  {
    name: 'a late answer writes the cookie of a user who had none, and has left',
    at: 'Epochs.hasEnded',
    find: 'this.hasLeftSince(…)',
    replace: 'false',
  },
  {
    name: 'the values of a user go to the next visitor',
    at: 'Identities.changeHands',
    find: 'registers.filter(…)',
    replace: 'registers',
  },
  {
    name: 'erased values stay',
    at: 'erase',
    find: 'sessions.erase(…)',
    replace: 'undefined',
  },
  {
    name: 'cookies bring erased values back',
    at: 'erase',
    find: 'epochs.erase(…)',
    replace: 'undefined',
  },
  {
    name: 'a cookie of a generation that has ended is good',
    at: 'UserEpochs.accepts',
    find: 'generation >= known.generation',
    replace: 'true',
  },
  {
    name: 'what is of a generation that has ended is taken over',
    at: 'Sessions.startGeneration',
    find: 'generation >= known',
    replace: 'true',
  },
  {
    name: 'a newer generation is not noticed',
    at: 'Sessions.startGeneration',
    find: 'generation > known',
    replace: 'false',
  },
  {
    name: 'what was known stays as a newer generation begins',
    at: 'Sessions.startGeneration',
    find: 'this.erase(…)',
    replace: 'undefined',
  },
  {
    name: 'cookies do not say of which generation they are',
    at: 'payloadOf',
    find: 'generation || undefined',
    replace: 'undefined',
  },
  {
    name: 'tickets do not say of which generation they are',
    at: 'Dispatch.ticket',
    find: 'epochs.generation(…)',
    replace: 'undefined',
  },
  {
    name: 'sockets of a user who was revoked stay open',
    at: 'endConnections',
    find: 'connections.end(…)',
    replace: 'undefined',
  },
]
