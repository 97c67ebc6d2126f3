import type { Defect } from './planting.js'

/** Mistakes in what becomes of values that pages compute from those before them. */
export const DEFECTS_OF_UPDATES: readonly Defect[] = [
  {
    name: 'a computed value is taken over a newer one',
    at: 'meet',
    find: 'isAlone && stamp <= seen',
    replace: "id !== '' || stamp <= seen",
  },
  {
    name: 'a computed value is taken without a look at the store',
    at: 'take',
    find: '!change || !updates',
    replace: 'true',
  },
  {
    name: 'a computed value is taken in memory while the store is silent',
    at: 'take',
    find: 'updates.make(subject, id, update).then((stamp) => [{ field, id, value, stamp }])',
    replace:
      "updates.make(subject, id, update).then((stamp) => [{ field, id, value, stamp }], (error) => { if (error.code !== 'store_unavailable') throw error; return takeHere(takers, changes, asker) })",
  },
  {
    name: 'a computed value is said to be taken before the store says so',
    at: 'Updates.#make',
    find: 'isSet === false',
    replace: '(isSet === undefined && this.#memory.confirm(subject, register, source), isSet === false)',
  },
  {
    name: 'a page sends what it has computed from an older value',
    at: 'step',
    find: 'recompute(…)',
    replace: 'undefined',
  },
  {
    name: 'a page gives what was lost another id',
    at: 'release',
    find: 'sent.mayHaveArrived ||= isLost',
    replace: "sent.mayHaveArrived ||= isLost; if (isLost && sent.id) sent.id += 'x'",
  },
  {
    name: 'an id is taken twice',
    at: 'meet',
    find: 'taken !== undefined',
    replace: 'false',
  },
  {
    name: 'a write forgets the ids of what it replaces',
    at: 'Sessions.write',
    find: 'carrying(register, replica, now, id)',
    replace: 'carrying(register, undefined, now, id)',
  },
  {
    name: 'nodes do not tell each other the ids',
    at: 'Nodes.flush',
    find: 'ids === undefined',
    replace: 'true',
  },
  {
    name: 'what the store took without saying so is told to no other node',
    at: 'Updates.#make',
    find: 'this.#memory.confirm(subject, standing, source)',
    replace: 'undefined',
  },
  {
    name: 'the last POST has the first draft alone',
    at: 'HANDLERS.leave',
    find: 'drafts(page)',
    replace: 'drafts(page).filter(([key], i, all) => all.findIndex(([one]) => one === key) === i)',
  },
  {
    name: 'the next page sends a list one by one',
    at: 'dueOf',
    find: 'first?.mayHaveArrived && one.mayHaveArrived && first.group === one.group',
    replace: 'false',
  },
  {
    name: 'a page sends what was set together as it can',
    at: 'outgoing',
    find: 'later.some(…)',
    replace: 'false',
  },
  {
    name: 'a page sends what was set together without saying so',
    at: 'wire',
    find: 'group ? [key, over, id, value, group] : [key, over, id, value]',
    replace: '[key, over, id, value]',
  },
  {
    name: 'a page that carries its drafts over forgets what was set together',
    at: 'unsent',
    find: '{ value, calls, id, group, from: NaN }',
    replace: '{ value, calls, id, group: undefined, from: NaN }',
  },
  {
    name: 'what was set together is taken one by one',
    at: 'inOrder',
    find: 'groups.set(…)',
    replace: 'groups.set(index, group)',
  },
  {
    name: 'a page makes a change again that another page has sent for it',
    at: 'keep',
    find: 'ids.get(key)',
    replace: 'undefined',
  },
  {
    name: 'of two pages that have left something the first counts',
    at: 'restore',
    find: 'isFurther(…)',
    replace: '!lists.has(key)',
  },
  {
    name: 'a later change of a list is taken whatever value the one before it has by now',
    at: 'seenOf',
    find: 'sameJson(…)',
    replace: 'true',
  },
  {
    name: 'a later change of a list is taken without a look at the one before it',
    at: 'seenOf',
    find: 'isNewest && sameJson(before.value, replica?.value(key))',
    replace: "before && 'field' in before",
  },
  {
    name: 'a later change of a list goes over nothing but what the page said',
    at: 'seenOf',
    find: 'sameJson(…)',
    replace: 'false',
  },
  {
    name: 'a process refuses a change for a write that its clock is behind, and that the page has seen go',
    at: 'seenOf',
    find: 'Math.min(over, Math.max(stamp, Math.floor(settings.clock())))',
    replace: '(over === stamp ? over : Math.min(over, Math.floor(settings.clock())))',
  },
  {
    name: 'a change is taken before the tickets beside it',
    at: 'sync',
    find: 'mergeTickets(core, redemptions)',
    replace: '(function* () { yield* mergeTickets(core, redemptions) })()',
  },
]
