import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import type { Replica } from '../../../shared/replica.js'
import type { Core } from '../../core.js'
import type { Feature } from '../../feature.js'
import type { Subject } from '../../ids/subject.js'
import type { LiveSocket } from '../../values/live-socket.js'
import { RoomNames } from './room-names.js'

/** A socket's membership in the rooms of a field's values. */
interface Place {
  readonly socket: LiveSocket
  readonly field: Field
  readonly names: RoomNames
  readonly subject: Subject
  /** The value whose room the socket has joined, and the room's names. */
  value: JsonValue | undefined
  room: readonly string[]
}

/** Creates the feature for rooms: keeps each socket in the rooms of its visitor's current values. */
export function roomsFeature({ remote, values, settings, warn }: Core): Feature {
  const fields = [...values.fields.values()].filter(({ rooms }) => rooms)
  const named = fields.map((field) => ({ field, names: new RoomNames(field.key, settings, warn) }))
  const room = (key: string, value: unknown): string[] => {
    const found = named.find(({ field }) => field.key === key)
    if (!found)
      throw new TypeError(`koa-live-session: room(key): expected a field with rooms: true, received ${String(key)}`)
    // Broadcast pending changes now: at other nodes, sockets must change rooms before the app's packet arrives.
    remote.peers?.flush()
    return [...found.names.of(value)]
  }
  const plugin = { room }
  if (fields.length === 0) return { plugin }

  const held = new Map<Subject, Set<Place>>()
  const move = (place: Place, replica: Replica | undefined): void => {
    const value = values.value(place.field, replica)
    if (value === place.value) return
    for (const name of place.room) void place.socket.leave(name)
    place.value = value
    place.room = place.names.find(value)
    for (const name of place.room) void place.socket.join(name)
  }
  return {
    plugin,
    opens: (socket, { visitor }) => {
      const places = named.map(({ field, names }): Place => {
        return { socket, field, names, subject: visitor.subject(field), value: undefined, room: [] }
      })
      for (const place of places) {
        held.set(place.subject, (held.get(place.subject) ?? new Set()).add(place))
        move(place, values.find(place.subject))
      }
      return () => {
        for (const place of places) {
          const { room, subject } = place
          held.get(subject)?.delete(place)
          if (held.get(subject)?.size === 0) held.delete(subject)
          for (const name of room) void socket.leave(name)
        }
      }
    },
    changes: (subject) => {
      const places = held.get(subject)
      if (!places) return
      const replica = values.find(subject)
      for (const place of places) move(place, replica)
    },
  }
}
