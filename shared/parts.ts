import type { JsonValue } from './json.js'

type Branch = JsonValue[] | Record<string, JsonValue>

/** Some members of a tree, with all that they are in. */
export interface Part {
  readonly tree: JsonValue
  /** Those of its branches that lack members which they have in the whole. */
  readonly torn: ReadonlySet<unknown>
}

/**
 * A tree as parts of so many members at the most, each of which is in one of them. Only what is larger than a part is torn. A
 * tree that is no larger has no parts.
 */
export function partsOf(tree: JsonValue, size: number): readonly Part[] {
  const sizes = new Map<JsonValue, number>()
  if (measure(tree, sizes) <= size) return []
  const parts: Part[] = []
  /** From the root to where we are. */
  const path: { readonly key: string; readonly branch: Branch }[] = []
  let torn = new Set<Branch>()
  let members = 0

  const put = (key: string, member: JsonValue): void => {
    const { branch } = path.at(-1) ?? {}
    if (Array.isArray(branch)) branch.push(member)
    else if (branch) branch[key] = member
  }
  const enter = (key: string, isList: boolean): Branch => {
    const branch: Branch = isList ? [] : {}
    put(key, branch)
    path.push({ key, branch })
    return branch
  }
  const take = (): void => {
    const [root] = path
    if (root) parts.push({ tree: root.branch, torn: new Set([...torn, ...path.map(({ branch }) => branch)]) })
  }
  const tear = (): void => {
    take()
    const open = path.splice(0)
    torn = new Set(open.map(({ key, branch }) => enter(key, Array.isArray(branch))))
    members = 0
  }
  const walk = (key: string, value: JsonValue): void => {
    const own = sizes.get(value) ?? 1
    if (members + (own > size ? 1 : own) > size) tear()
    if (own <= size || typeof value !== 'object' || value === null) {
      put(key, value)
      members += own
      return
    }
    members += 1
    enter(key, Array.isArray(value))
    eachMember(value, walk)
    // The root stays, for the last part.
    if (path.length > 1) path.pop()
  }
  walk('', tree)
  take()
  return parts
}

/** Notes how many members each branch has in all, itself counted. */
function measure(value: JsonValue, sizes: Map<JsonValue, number>): number {
  if (typeof value !== 'object' || value === null) return 1
  let size = 1
  eachMember(value, (_, member) => {
    size += measure(member, sizes)
  })
  sizes.set(value, size)
  return size
}

function eachMember(branch: object, visit: (key: string, member: JsonValue) => void): void {
  // An item's place in a list is of no use here, and to write it down costs more than all the rest.
  if (Array.isArray(branch)) for (const item of branch) visit('', item)
  else for (const [key, member] of Object.entries(branch)) if (member !== undefined) visit(key, member)
}
