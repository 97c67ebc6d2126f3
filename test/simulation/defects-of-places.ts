import type { Defect } from './bundle.js'

/** Mistakes in what memory, cookies, tickets and pages tell each other. */
export const DEFECTS_OF_PLACES: readonly Defect[] = [
  {
    name: 'a cookie is compared but once',
    file: 'server/kernel/memory/subjects.ts',
    find: '.grow(bytes)\n    this.#onChange(subject)\n',
    replace: '.grow(bytes)\n',
  },
  {
    name: 'what was found of a replica stands after its eviction',
    file: 'server/kernel/memory/rotating-cache.ts',
    find: '    this.#rotations += 1\n    this.#onDrop(count)\n',
    replace: '',
  },
  {
    name: 'a revocation leaves the comparison as it was',
    file: 'server/kernel/ends/user-epochs.ts',
    find: '...news })\n    this.#onEnd(sub)\n',
    replace: '...news })\n',
  },
  {
    name: 'what only the cookie knows is not taken over',
    file: 'server/kernel/cookie/freshness.ts',
    find: "this.#core.sessions.merge(subject, own, 'cookie', subject === visitor.user ? generation : undefined)",
    replace: '',
  },
  {
    name: 'a cookie that lacks what is known is left as it is',
    file: 'server/kernel/cookie/freshness.ts',
    find: 'return registers.length !== kept.length || !registers.every(isKept)',
    replace: 'return registers.length < 0 && registers.every(isKept)',
  },
  {
    name: 'keys of another build are dropped',
    file: 'server/kernel/cookie/freshness.ts',
    find: "if (!fields.has(register.key)) carry(register, 'request')",
    replace: 'void register',
  },
  {
    name: 'hidden fields go into the cookie',
    file: 'server/kernel/cookie/freshness.ts',
    find: 'field?.inCookie && visitor.subject(field)',
    replace: 'field && visitor.subject(field)',
  },
  {
    name: 'hidden fields go into tickets',
    file: 'server/kernel/values/dispatch.ts',
    find: "this.#fields = [...core.settings.fields.values()].filter((field) => field.access !== 'hidden')",
    replace: 'this.#fields = [...core.settings.fields.values()]',
  },
  {
    name: 'hidden fields go into pages',
    file: 'server/kernel/requests/request.ts',
    find: "if (field.access === 'hidden') continue",
    replace: '',
  },
  {
    name: '`held` says what memory knows, not what the cookie had',
    file: 'server/kernel/exchange/sync.ts',
    find: 'const { visitor, held } = whose',
    replace:
      'const { visitor } = whose\n  const held = (core.sessions.find(visitor.subject())?.registers() ?? []).map(({ key, stamp }) => [key, stamp] as const)',
  },
  {
    name: 'a POST renews no cookie',
    file: 'server/kernel/requests/endpoint.ts',
    find: "const deed = visit.cookie ? 'renews' : least",
    replace: 'const deed = least',
  },
  {
    name: 'the cookie is sealed before the answer is an error',
    file: 'server/kernel/requests/visit.ts',
    find: 'onHeaders(ctx.res, this.#seal)',
    replace: 'queueMicrotask(this.#seal)',
  },
  {
    name: 'a sign-out within a request changes nothing',
    file: 'server/kernel/requests/visit.ts',
    find: "if (user === this.visitor.user && !this.#since.isRevoked(this.cookie)) this.does('shows')",
    replace: "if (user === this.visitor.user || user === undefined) this.does('shows')",
  },
  {
    name: 'sockets of a browser that has changed hands stay open',
    file: 'server/kernel/requests/visit.ts',
    find: 'if (names.length > 0) await this.#core.departures.begin(names, user, this.#ctx.res)',
    replace: '',
  },
  {
    name: 'a change is told to no page',
    file: 'server/kernel/values/changes.ts',
    find: 'this.#core.dispatch.add(holding, field)',
    replace: '',
  },
  {
    name: 'a socket forgets its cookie while the app keeps it waiting',
    file: 'server/kernel/connections/socket.ts',
    find: 'if (cookie) freshness.compare(cookie, visitor)',
    replace: '',
  },
  {
    name: 'eviction takes what sockets hold',
    file: 'server/kernel/memory/subjects.ts',
    find: 'find(subject: Subject): Replica | undefined {\n    return this.#held.get(subject)?.replica ?? this',
    replace: 'find(subject: Subject): Replica | undefined {\n    return this',
  },
  {
    name: 'a change sent again after a lost answer is applied over a later one',
    file: 'server/kernel/exchange/page-changes.ts',
    find: 'if (isAlone && stamp <= seen) return undefined',
    replace: "if (id === '' || (isAlone && stamp <= seen)) return undefined",
  },
  {
    name: '`kept` is told without the cookie',
    file: 'server/kernel/exchange/told.ts',
    find: '...(isKept ? { kept: true } : {}),',
    replace: '...(who === undefined ? {} : { kept: true as const }),',
  },
  {
    name: 'a socket stays in the room of its first value',
    file: 'server/parts/rooms/part.ts',
    find: 'if (value === place.value) return',
    replace: 'if (place.room.length > 0) return',
  },
  {
    name: 'a socket goes into the room of its new value, and leaves none',
    file: 'server/parts/rooms/part.ts',
    find: 'for (const name of place.room) void place.socket.leave(name)',
    replace: '',
  },
]
