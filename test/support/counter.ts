import { type BrowserSubject, type PartName, subjectHash } from '../../server/kernel/names/subject.js'
import type { Core } from '../../server/kernel/seams/core.js'
import type { Part } from '../../server/kernel/seams/part.js'
import { NEVER, nextStamp, type Stamp } from '../../shared/stamp.js'

const KEY = 'count'
const PREFIX = 'count:'

/** The pieces of the core that the part needs. */
type Needs = Pick<Core, 'remote' | 'settings' | 'store'>

/** Returns a custom part that counts each browser's actions, in memory, in the cookie, in the store and at other nodes. */
export function counterPart({ remote, settings, store }: Needs): Part {
  const counts = new Map<string, { readonly count: number; readonly stamp: Stamp }>()
  const nameOf = (browser: BrowserSubject): PartName => `${PREFIX}${subjectHash(browser)}` as PartName
  const of = (browser: BrowserSubject): number => counts.get(nameOf(browser))?.count ?? 0
  const take = (name: string, { stamp, value }: { readonly stamp: Stamp; readonly value?: unknown }): void => {
    if (stamp > (counts.get(name)?.stamp ?? NEVER)) counts.set(name, { count: Number(value), stamp })
  }
  return {
    request: {
      countUp: async ({ visit, permit }) => {
        permit()
        const browser = visit.visitor.browserSubject
        const name = nameOf(browser)
        for (const row of (await store?.load(name)) ?? []) take(name, row)
        const stamp = nextStamp(settings.clock(), counts.get(name)?.stamp ?? NEVER)
        const register = { key: KEY, stamp, value: of(browser) + 1 }
        take(name, register)
        remote.store?.keep(name, [register])
        remote.peers?.tell(name, [register])
        return of(browser)
      },
    },
    socket: { count: ({ visitor }) => of(visitor.browserSubject) },
    events: ({ visitor }) => ({ 'test:count': () => ({ ok: true, count: of(visitor.browserSubject) }) }),
    cookie: {
      name: KEY,
      isOutdated: () => false,
      write: (browser, brought, fits) => {
        const count = Math.max(of(browser), Number(brought ?? 0))
        return count > 0 && fits(count) ? count : undefined
      },
    },
    names: [
      {
        owns: (name): name is PartName => name.startsWith(PREFIX),
        isUsers: () => false,
        take: (name, registers) => {
          for (const register of registers) take(name, register)
        },
      },
    ],
  }
}
