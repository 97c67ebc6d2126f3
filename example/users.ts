/** A person who can sign in, by a click: this is a demo. */
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
