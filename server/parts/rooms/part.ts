import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import type { LiveSocket } from '../../kernel/memory/live-socket.js'
import type { Subject } from '../../kernel/names/subject.js'
import type { Visitor } from '../../kernel/names/visitor.js'
import type { Core } from '../../kernel/seams/core.js'
import type { Part } from '../../kernel/seams/part.js'
import { RoomNames } from './room-names.js'

/** A socket in the rooms of its visitor's values. */
interface Member {
  readonly socket: LiveSocket
  readonly visitor: Visitor
  /** The value of each field, whose room it is in. */
  readonly values: (JsonValue | undefined)[]
}

/** Creates the part that keeps sockets in the rooms of their visitors' values. */
export function roomsPart({ remote, sessions, settings, warn }: Core): Part {
  const names = new RoomNames(settings, warn)
  const fields = [...sessions.fields.values()].filter(({ rooms }) => rooms)
  const room = (key: string, value: unknown): string[] => {
    const field = fields.find((field) => field.key === key)
    if (!field)
      throw new TypeError(`koa-live-session: room(key): expected a field with rooms: true, received ${String(key)}`)
    // What was written in this turn: at other nodes, sockets are to have moved when the app's packet arrives.
    remote.peers?.flush()
    return [...names.of(field, value)]
  }
  const plugin = { room }
  if (fields.length === 0) return { plugin }

  const members = new Map<Subject, Set<Member>>()
  /** Moves a socket into the rooms of what `get` returns now, of those fields that the subject owns. */
  const move = ({ socket, visitor, values }: Member, subject: Subject): void => {
    const replica = sessions.find(subject)
    for (const [index, field] of fields.entries()) {
      if (visitor.subject(field) !== subject) continue
      const [former, value] = [values[index], sessions.value(field, replica)]
      if (value === former) continue
      values[index] = value
      for (const name of names.find(field, former)) void socket.leave(name)
      for (const name of names.find(field, value)) void socket.join(name)
    }
  }
  const subjectsOf = (visitor: Visitor): ReadonlySet<Subject> =>
    new Set(fields.map((field: Field) => visitor.subject(field)))
  return {
    plugin,
    opens: (socket, visitor) => {
      const member: Member = { socket, visitor, values: [] }
      for (const subject of subjectsOf(visitor)) {
        members.set(subject, (members.get(subject) ?? new Set()).add(member))
        move(member, subject)
      }
      return () => {
        for (const subject of subjectsOf(visitor)) {
          members.get(subject)?.delete(member)
          if (members.get(subject)?.size === 0) members.delete(subject)
        }
        for (const [index, field] of fields.entries())
          for (const name of names.find(field, member.values[index])) void socket.leave(name)
      }
    },
    changes: (subject) => {
      for (const member of members.get(subject) ?? []) move(member, subject)
    },
  }
}
