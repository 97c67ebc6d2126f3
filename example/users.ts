/** A user: signs in by name only, as this is a demo. */
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

/** Returns the user with this id, which may come from outside. */
export function findUser(id: unknown): User | undefined {
  return users.find((user) => user.id === id)
}

/** Returns the user with this full name or first name, ignoring case. */
export function findByName(name: string): User | undefined {
  const wanted = normal(name)
  return users.find((user) => [user.id, user.name].map(normal).includes(wanted))
}

/** Returns the users whose names begin with this text. */
export function findByStart(start: string): readonly User[] {
  return users.filter((user) => normal(user.name).startsWith(normal(start)))
}

function normal(name: string): string {
  return name.trim().replace(/\s+/g, ' ').toLowerCase()
}
