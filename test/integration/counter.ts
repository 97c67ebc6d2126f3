import type { Feature } from '../../server/feature.js'
import type { FeatureParts } from '../../server/parts.js'
import { FeatureData } from '../../server/store/feature-data.js'
import { FeatureEntry } from '../../server/store/feature-entry.js'
import type { FeatureKey } from '../../server/subjects/store-key.js'
import { type BrowserSubject, subjectHash } from '../../server/subjects/subject.js'

const KEY = 'count'
const PREFIX = 'count:'

class Count extends FeatureEntry {
  override get isUsers(): boolean {
    return false
  }
}

/** Returns a custom part that counts each browser's actions, and keeps the count in memory, cookie and store and at other nodes. */
export function counterPart(parts: FeatureParts): Feature {
  const counts = new FeatureData(parts, PREFIX, (name: FeatureKey, now) => new Count(name, now))
  counts.isUsed = true
  const nameOf = (browser: BrowserSubject): FeatureKey => `${PREFIX}${subjectHash(browser)}` as FeatureKey
  const of = (browser: BrowserSubject): number => Number(counts.find(nameOf(browser))?.replica.value(KEY) ?? 0)
  return {
    data: [counts],
    request: {
      countUp: async ({ visit, permit }) => {
        permit()
        const { browserSubject: browser } = visit.visitor
        await counts.loadInTime(nameOf(browser))
        counts.write(counts.ensure(nameOf(browser)), new Map([[KEY, of(browser) + 1]]), 'request')
        return of(browser)
      },
    },
    socket: { count: ({ visitor }) => of(visitor.browserSubject) },
    events: ({ visitor }) => ({ 'test:count': () => ({ ok: true, messages: [of(visitor.browserSubject)] }) }),
    cookie: {
      name: KEY,
      isOutdated: () => false,
      write: (browser, brought, fits) => {
        const count = Math.max(of(browser), Number(brought ?? 0))
        return count > 0 && fits(count) ? count : undefined
      },
    },
  }
}
