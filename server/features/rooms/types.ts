// The public types of rooms.

import type { Fields, Keys, Value } from '../../../shared/types.js'

/** The member of the plugin for rooms. */
export interface RoomMembers<F extends Fields> {
  /**
   * Returns the names of the rooms with all sockets, at every node, whose visitor currently has this value. Sockets join before your
   * `connection` handler runs, and change rooms before `set` returns. The list has a room name for each secret, so that nodes with
   * different first secrets still share a room during a rotation. Call `room` when you emit, not earlier: the call also broadcasts pending
   * changes to the other nodes.
   *
   * @throws {TypeError} if the field has no `rooms: true`, or the value is an object or a list
   * @example
   * io.to(live.room('division', 3)).emit('figures', await figuresOf(3))
   */
  room<K extends Keys<F>['rooms']>(key: K, value: Value<F[K]>): string[]
}
