// Moves sockets between rooms when their visitor's values change, and provides `live.room()`.

import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import type { Replica } from '../../../shared/replica.js'
import type { Fields } from '../../../shared/types.js'
import type { Feature } from '../../feature.js'
import type { PageSocket } from '../../memory/link.js'
import type { FeatureParts } from '../../parts.js'
import type { Subject } from '../../subjects/subject.js'
import { RoomNames } from './room-names.js'
import type { RoomMembers } from './types.js'

/** A socket's membership in the room of its visitor's value of a field. */
interface Membership {
  readonly socket: PageSocket
  readonly field: Field
  readonly names: RoomNames
  readonly subject: Subject
  /** The value whose room the socket has joined; `room` has the room's names. */
  value: JsonValue | undefined
  room: readonly string[]
}

/** Creates the feature for rooms, which keeps each socket in the rooms of its visitor's current values. */
export function roomsFeature(parts: FeatureParts): Feature {
  const { values, settings } = parts
  const fields = [...values.fields.values()].filter(({ rooms }) => rooms)
  const named = fields.map((field) => ({ field, names: new RoomNames(field.key, settings) }))
  const room: RoomMembers<Fields>['room'] = (key, value) => {
    const found = named.find(({ field }) => field.key === key)
    if (!found)
      throw new TypeError(`koa-live-session: room(key): expected a field with rooms: true, received ${String(key)}`)
    // Broadcasts pending changes now, because sockets at other nodes must change rooms before the app's packet arrives.
    parts.remotes.nodes?.flush()
    return [...found.names.of(value)]
  }
  const plugin = { room } satisfies RoomMembers<Fields>
  if (fields.length === 0) return { plugin }

  const bySubject = new Map<Subject, Set<Membership>>()
  const move = (membership: Membership, replica: Replica | undefined): void => {
    const value = values.value(membership.field, replica)
    if (value === membership.value) return
    for (const name of membership.room) void membership.socket.leave(name)
    membership.value = value
    membership.room = membership.names.find(value)
    for (const name of membership.room) void membership.socket.join(name)
  }
  return {
    plugin,
    opens: (socket, { visitor }) => {
      const memberships = named.map(({ field, names }): Membership => {
        return { socket, field, names, subject: visitor.subject(field), value: undefined, room: [] }
      })
      for (const membership of memberships) {
        bySubject.set(membership.subject, (bySubject.get(membership.subject) ?? new Set()).add(membership))
        move(membership, values.find(membership.subject))
      }
      return () => {
        for (const membership of memberships) {
          const { room, subject } = membership
          bySubject.get(subject)?.delete(membership)
          if (bySubject.get(subject)?.size === 0) bySubject.delete(subject)
          for (const name of room) void socket.leave(name)
        }
      }
    },
    changes: (subject) => {
      const memberships = bySubject.get(subject)
      if (!memberships) return
      const replica = values.find(subject)
      for (const membership of memberships) move(membership, replica)
    },
  }
}
