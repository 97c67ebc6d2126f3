import type { Defect } from './bundle.js'

/** Mistakes in what becomes of values that pages compute from those before them. */
export const DEFECTS_OF_UPDATES: readonly Defect[] = [
  {
    name: 'a computed value is taken over a newer one',
    file: 'server/kernel/exchange/page-changes.ts',
    find: "  throw overtaken(key, id === '' ?",
    replace: "  if (id !== '') return undefined\n  throw overtaken(key, id === '' ?",
  },
  {
    name: 'a computed value is taken without a look at the store',
    file: 'server/kernel/exchange/page-changes.ts',
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
    file: 'server/kernel/exchange/page-changes.ts',
    find: 'if (taken !== undefined) return taken',
    replace: 'if (taken !== undefined && !taken) return taken',
  },
  {
    name: 'a write forgets the ids of what it replaces',
    file: 'server/kernel/values/sessions.ts',
    find: 'carrying(register, replica, now, id)',
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
    find: 'if (attempt > 0) this.#memory.confirm(subject, standing, source)',
    replace: '',
  },
  {
    name: 'the last POST has the first draft alone',
    file: 'client/core/step.ts',
    find: '    const set = drafts(page)\n',
    replace: '    const set = drafts(page).filter(([key], i, all) => all.findIndex(([one]) => one === key) === i)\n',
  },
  {
    name: 'the next page sends a list one by one',
    file: 'client/core/sending.ts',
    find: 'filter((one, i, [first]) => !i || (first?.mayHaveArrived && one.mayHaveArrived))',
    replace: 'filter((_, i) => !i)',
  },
  {
    name: 'a page makes a change again that another page has sent for it',
    file: 'client/core/field.ts',
    find: '    if (taken && !change.isBusy && !change.mayHaveArrived) change.stamp ??= taken[1]\n',
    replace: '',
  },
  {
    name: 'of two pages that have left something the first counts',
    file: 'client/core/outbox.ts',
    find: 'if (isFurther(list, lists.get(key) ?? []))',
    replace: 'if (!lists.has(key))',
  },
  {
    name: 'a later change of a list is taken whatever value the one before it has by now',
    file: 'server/kernel/exchange/page-changes.ts',
    find: 'if (isNewest && sameJson(before.value, replica?.value(key))) return stamp',
    replace: 'if (isNewest) return stamp',
  },
  {
    name: 'a later change of a list is taken without a look at the one before it',
    file: 'server/kernel/exchange/page-changes.ts',
    find: 'if (isNewest && sameJson(before.value, replica?.value(key))) return stamp',
    replace: "if (before && 'field' in before) return stamp",
  },
  {
    name: 'a later change of a list is taken without the one before it, which was refused',
    file: 'server/kernel/exchange/page-changes.ts',
    find: "const isAlone = id === '' || !before || 'field' in before",
    replace: "const isAlone = id === '' || id",
  },
  {
    name: 'a later change of a list goes over nothing but what the page said',
    file: 'server/kernel/exchange/page-changes.ts',
    find: 'if (isNewest && sameJson(before.value, replica?.value(key))) return stamp',
    replace: '',
  },
  {
    name: 'a process refuses a change for a write that its clock is behind, and that the page has seen go',
    file: 'server/kernel/exchange/page-changes.ts',
    find: 'Math.min(over, Math.max(stamp, Math.floor(settings.clock())))',
    replace: '(over === stamp ? over : Math.min(over, Math.floor(settings.clock())))',
  },
  {
    name: 'a change is taken before the tickets beside it',
    file: 'server/kernel/exchange/sync.ts',
    find: `  const overtaken = mergeTickets(core, redemptions)
  const asker = { owner: visitor, ...side }
  const lists = new Map<string, Awaitable<Before>>()
  const results = allOf(
    set.map((change, index) => {
      const [key] = change
      const result = after(lists.get(key), (before) => takeChange(core, change, index, asker, before))
      lists.set(key, result)
      if (isThenable(result)) hearOut(result)
      return result
    }),
  )
`,
    replace: `  const asker = { owner: visitor, ...side }
  const lists = new Map<string, Awaitable<Before>>()
  const results = allOf(
    set.map((change, index) => {
      const [key] = change
      const result = after(lists.get(key), (before) => takeChange(core, change, index, asker, before))
      lists.set(key, result)
      if (isThenable(result)) hearOut(result)
      return result
    }),
  )
  const overtaken = mergeTickets(core, redemptions)
`,
  },
]
