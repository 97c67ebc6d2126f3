import type { Defect } from './bundle.js'

/** Mistakes in what nodes tell each other, and in what they make of it. */
export const DEFECTS_OF_NODES: readonly Defect[] = [
  {
    name: 'a write is not told to the other nodes',
    file: 'server/kernel/values/changes.ts',
    find: "nodes: ['request', 'socket', 'job',",
    replace: "nodes: ['request', 'job',",
  },
  {
    name: 'what a ticket brings is not told to the other nodes',
    file: 'server/kernel/values/changes.ts',
    find: "'job', 'ticket', 'login'],",
    replace: "'job', 'login'],",
  },
  {
    name: 'of all that a turn has written only the last is told',
    file: 'server/kernel/remote/nodes.ts',
    find: 'const news = this.#news.get(name) ?? new Replica()',
    replace: 'const news = new Replica()',
  },
  {
    name: 'a revocation is not told to the other nodes',
    file: 'server/kernel/ends/epochs.ts',
    find: 'this.#remote.store?.keep(user, [register])\n    this.#remote.peers?.tell(user, [register])',
    replace: 'this.#remote.store?.keep(user, [register])',
  },
  {
    name: 'an erasure is told to the other nodes as a revocation',
    file: 'server/kernel/ends/epochs.ts',
    find: 'this.#remote.peers?.tell(user, ends)',
    replace: 'this.#remote.peers?.tell(user, ends.slice(0, 1))',
  },
  {
    name: 'that a browser id was given up is not told to the other nodes',
    file: 'server/kernel/ends/epochs.ts',
    find: 'peers?.tell(name, left)',
    replace: '',
  },
  {
    name: 'what another node tells is not taken over',
    file: 'server/kernel/remote/nodes.ts',
    find: "sessions.merge(named.user, registers, 'node', Math.max(named.generation, generation))",
    replace: "sessions.merge(named.user, [], 'node', Math.max(named.generation, generation))",
  },
  {
    name: 'an end that another node tells of is not remembered',
    file: 'server/kernel/remote/nodes.ts',
    find: 'const isOver = ending !== undefined && epochs.hear(name, ending)',
    replace: 'const isOver = ending !== undefined && epochs === undefined',
  },
  {
    name: 'an end that another node tells of ends no connection',
    file: 'server/kernel/remote/nodes.ts',
    find: 'if (isOver) connections.endOver(name, epochs)',
    replace: '',
  },
  {
    name: 'what another node has erased stays',
    file: 'server/kernel/remote/nodes.ts',
    find: 'Math.max(named.generation, generation)',
    replace: 'named.generation',
  },
  {
    name: 'what is written after an erasure is told as if it came before',
    file: 'server/kernel/values/changes.ts',
    find: 'remote.peers?.tell(nameOf(subject, epochs.generation(subject)), news)',
    replace: 'remote.peers?.tell(subject, news)',
  },
  {
    name: 'an end that another node tells of is of the past',
    file: 'server/kernel/ends/epochs.ts',
    find: 'return this.#take(name, ending, this.#next())',
    replace: 'return this.#take(name, ending, BEFORE)',
  },
  {
    name: 'what a ticket brings of another build, told of before, goes into no cookie',
    file: 'server/kernel/values/sessions.ts',
    find: "if (origin === 'ticket') this.#changes.allow(subject, registers)\n",
    replace: '',
  },
]
