import type { Defect } from './planting.js'

/** Mistakes in what memory, cookies, tickets and pages tell each other. */
export const DEFECTS_OF_PLACES: readonly Defect[] = [
  {
    name: 'a cookie is compared but once',
    at: 'Subjects.changed',
    find: '#onChange(…)',
    replace: 'undefined',
  },
  {
    name: 'what was found of a replica stands after its eviction',
    at: 'RotatingCache.#drop',
    find: 'this.#rotations += 1',
    replace: 'return',
  },
  {
    name: 'a revocation leaves the comparison as it was',
    at: 'UserEpochs.#set',
    find: '#onEnd(…)',
    replace: 'undefined',
  },
  {
    name: 'what only the cookie knows is not taken over',
    at: 'Freshness.#absorb',
    find: 'sessions.merge(…)',
    replace: 'undefined',
  },
  {
    name: 'a cookie that lacks what is known is left as it is',
    at: 'Freshness.#lacks',
    find: 'registers.length !== kept.length || !registers.every(isKept)',
    replace: 'false',
  },
  {
    name: 'keys of another build are dropped',
    at: 'Freshness.registers',
    find: 'fields.has(…)',
    replace: 'true',
  },
  {
    name: 'hidden fields go into the cookie',
    at: 'Freshness.registers',
    find: 'field?.inCookie',
    replace: 'field',
  },
  {
    name: 'hidden fields go into tickets',
    at: 'Dispatch.constructor',
    find: "field.access !== 'hidden'",
    replace: 'true',
  },
  {
    name: 'hidden fields go into pages',
    at: 'RequestHandle.snapshot',
    find: "field.access === 'hidden'",
    replace: 'false',
  },
  {
    name: '`held` says what memory knows, not what the cookie had',
    at: 'sync',
    find: '...held',
    replace: '...(core.sessions.find(visitor.subject())?.registers() ?? []).map(({ key, stamp }) => [key, stamp])',
  },
  {
    name: 'a POST renews no cookie',
    at: 'answer',
    find: "visit.cookie ? 'renews' : least",
    replace: 'least',
  },
  {
    name: 'the cookie is sealed before the answer is an error',
    at: 'Visit.constructor',
    find: 'onHeaders(ctx.res, this.#seal)',
    replace: 'queueMicrotask(this.#seal)',
  },
  {
    name: 'a sign-out within a request changes nothing',
    at: 'Visit.changeTo',
    find: 'user === this.visitor.user && !this.#since.isRevoked(this.#recognized)',
    replace: 'user === this.visitor.user || user === undefined',
  },
  {
    name: 'sockets of a browser that has changed hands stay open',
    at: 'Visit.#depart',
    find: 'departures.begin(…)',
    replace: 'undefined',
  },
  {
    name: 'a change is told to no page',
    at: 'Changes.#mergeInto',
    find: 'dispatch.add(…)',
    replace: 'undefined',
  },
  {
    name: 'a socket forgets its cookie while the app keeps it waiting',
    at: 'SocketHandle.open',
    find: 'freshness.compare(…)',
    replace: 'undefined',
  },
  {
    name: 'eviction takes what sockets hold',
    at: 'Subjects.find',
    find: '#held.get(…)',
    replace: 'undefined',
  },
  {
    name: 'a change sent again after a lost answer is applied over a later one',
    at: 'meet',
    find: 'isAlone && stamp <= seen',
    replace: "id === '' || (isAlone && stamp <= seen)",
  },
  {
    name: '`kept` is told without the cookie',
    at: 'told',
    find: 'isKept ? { kept: true } : {}',
    replace: 'who === undefined ? {} : { kept: true }',
  },
  {
    name: 'a socket stays in the room of its first value',
    at: 'roomsPart.move',
    find: 'value === place.value',
    replace: 'place.room.length > 0',
  },
  {
    name: 'a socket goes into the room of its new value, and leaves none',
    at: 'roomsPart.move',
    find: 'place.socket.leave(…)',
    replace: 'undefined',
  },
]
