import type { JsonValue } from '../../../shared/json.js'
import type { Core } from '../../kernel/seams/core.js'
import type { Answer, Part } from '../../kernel/seams/part.js'
import { addressed, isPage, takeAddress } from './take.js'

type Unvisited = Readonly<Record<string, JsonValue>>

/** Creates the part for fields that a page's URL sets, and is kept in sync with. */
export function addressPart(core: Pick<Core, 'limits' | 'settings' | 'warn'>): Part {
  const fields = [...core.settings.fields.values()].filter(({ url }) => url !== undefined)
  if (fields.length === 0) return {}
  const readable = fields.filter(({ access }) => access !== 'hidden')
  const urls = Object.fromEntries(readable.map(({ key, url }) => [key, url]))
  /** Values in requests' URLs that were not set. */
  const left = new WeakMap<Answer, Unvisited>()
  return {
    begins: (ctx, useOf) => {
      const said = addressed(ctx, fields)
      if (said.length === 0) return
      const use = useOf()
      left.set(use.visit, takeAddress(core, said, use))
    },
    snapshot: ({ ctx, visit }) => {
      const unvisited = left.get(visit) ?? {}
      return {
        // What a script fetches is not at a page's URL, and the URL of a frame is not visible.
        ...(readable.length > 0 && isPage(ctx) ? { urls } : {}),
        ...(Object.keys(unvisited).length > 0 ? { unvisited } : {}),
      }
    },
  }
}
