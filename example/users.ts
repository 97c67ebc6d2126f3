/** A person who can sign in, by a name: this is a demo. */
export interface User {
  readonly id: string
  readonly name: string
  readonly role: string
}

export const users: readonly User[] = [
  { id: 'ada', name: 'Ada Okafor', role: 'Controlling' },
  { id: 'bruno', name: 'Bruno Keller', role: 'Head of Architecture' },
  { id: 'chiara', name: 'Chiara Rossi', role: 'Film producer' },
]

/** The user of that id, which may well have come from outside. */
export function findUser(id: unknown): User | undefined {
  return users.find((user) => user.id === id)
}

/** The user who is called so: by the whole name, or the first one, in whatever case. */
export function findByName(name: string): User | undefined {
  const wanted = normal(name)
  return users.find((user) => [user.id, user.name].map(normal).includes(wanted))
}

/** The users whose names begin so. */
export function findByStart(start: string): readonly User[] {
  return users.filter((user) => normal(user.name).startsWith(normal(start)))
}

function normal(name: string): string {
  return name.trim().replace(/\s+/g, ' ').toLowerCase()
}
