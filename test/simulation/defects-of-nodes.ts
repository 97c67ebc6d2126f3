import type { Defect } from './planting.js'

/** Mistakes in what nodes tell each other, and in what they make of it. */
export const DEFECTS_OF_NODES: readonly Defect[] = [
  {
    name: 'a write is not told to the other nodes',
    at: 'HEARD.nodes',
    find: "'socket'",
    replace: "'request'",
  },
  {
    name: 'what a ticket brings is not told to the other nodes',
    at: 'HEARD.nodes',
    find: "'ticket'",
    replace: "'request'",
  },
  {
    name: 'of all that a turn has written only the last is told',
    at: 'Nodes.tell',
    find: '#news.get(…)',
    replace: 'undefined',
  },
  {
    name: 'a revocation is not told to the other nodes',
    at: 'Epochs.revoke',
    find: 'peers?.tell(…)',
    replace: 'undefined',
  },
  {
    name: 'an erasure is told to the other nodes as a revocation',
    at: 'Epochs.erase',
    find: 'this.#remote.peers?.tell(user, ends)',
    replace: 'this.#remote.peers?.tell(user, ends.slice(0, 1))',
  },
  {
    name: 'that a browser id was given up is not told to the other nodes',
    at: 'Epochs.giveUp',
    find: 'peers?.tell(…)',
    replace: 'undefined',
  },
  {
    name: 'what another node tells is not taken over',
    at: 'Nodes.#hear',
    find: "sessions.merge(named.user, registers, 'node', Math.max(named.generation, generation))",
    replace: "sessions.merge(named.user, [], 'node', Math.max(named.generation, generation))",
  },
  {
    name: 'an end that another node tells of is not remembered',
    at: 'Nodes.#hear',
    find: 'epochs.hear(…)',
    replace: 'false',
  },
  {
    name: 'an end that another node tells of ends no connection',
    at: 'Nodes.#hear',
    find: 'connections.endOver(…)',
    replace: 'undefined',
  },
  {
    name: 'what another node has erased stays',
    at: 'Nodes.#hear',
    find: 'Math.max(…)',
    replace: 'named.generation',
  },
  {
    name: 'what is written after an erasure is told as if it came before',
    at: 'Changes.announce',
    find: 'nameOf(…)',
    replace: 'subject',
  },
  {
    name: 'an end that another node tells of is of the past',
    at: 'Epochs.hear',
    find: 'this.#next()',
    replace: 'BEFORE',
  },
  {
    name: 'what a ticket brings of another build, told of before, goes into no cookie',
    at: 'Sessions.merge',
    find: '#changes.allow(…)',
    replace: 'undefined',
  },
]
