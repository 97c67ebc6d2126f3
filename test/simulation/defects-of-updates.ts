import type { Defect } from './bundle.js'

/** Mistakes in what becomes of values that pages compute from those before them. */
export const DEFECTS_OF_UPDATES: readonly Defect[] = [
  {
    name: 'a computed value is taken over a newer one',
    file: 'server/kernel/values/page-changes.ts',
    find: "  throw overtaken(key, id === '' ?",
    replace: "  if (id !== '') return undefined\n  throw overtaken(key, id === '' ?",
  },
  {
    name: 'a computed value is taken without a look at the store',
    file: 'server/kernel/values/page-changes.ts',
    find: "if (id === '' || !store) return write()",
    replace: 'if (store || !store) return write()',
  },
  {
    name: 'a page sends what it has computed from an older value',
    file: 'client/core/step.ts',
    find: '  recompute(page)\n',
    replace: '',
  },
  {
    name: 'a page gives what was lost another id',
    file: 'client/core/visitor.ts',
    find: 'sent.mayHaveArrived ||= isLost',
    replace: "sent.mayHaveArrived ||= isLost\n    if (isLost && sent.id) sent.id += 'x'",
  },
  {
    name: 'an id is taken twice',
    file: 'server/kernel/values/page-changes.ts',
    find: 'if (taken !== undefined) return taken',
    replace: 'if (taken !== undefined && !taken) return taken',
  },
  {
    name: 'a write forgets the ids of what it replaces',
    file: 'server/kernel/values/sessions.ts',
    find: 'carrying(register, replica?.register(register.key), now, id)',
    replace: 'carrying(register, undefined, now, id)',
  },
  {
    name: 'nodes do not tell each other the ids',
    file: 'server/kernel/remote/nodes.ts',
    find: '...(ids === undefined ? [] : [ids])',
    replace: '',
  },
  {
    name: 'what the store took without saying so is told to no other node',
    file: 'server/kernel/remote/updates.ts',
    find: 'if (unanswered && standing) this.#memory.confirm(subject, standing, source)',
    replace: '',
  },
  {
    name: 'a change is taken before the tickets beside it',
    file: 'server/kernel/values/sync.ts',
    find: `  const overtaken = mergeTickets(core, redemptions)
  const asker = { owner: visitor, ...side }
  const results = allOf(set.map((change, index) => takeChange(core, change, index, asker)))
`,
    replace: `  const asker = { owner: visitor, ...side }
  const results = allOf(set.map((change, index) => takeChange(core, change, index, asker)))
  const overtaken = mergeTickets(core, redemptions)
`,
  },
]
