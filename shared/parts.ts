import type { JsonValue } from './json.js'

type Branch = JsonValue[] | Record<string, JsonValue>

/** A piece of a tree, with the branches in it that lack members which they have in the whole. */
export interface Piece {
  readonly tree: unknown
  readonly torn: ReadonlySet<unknown>
}

/** Some members of a tree, with all that they are in. Items of a list do not keep their places. */
export interface Part extends Piece {
  /** The tree as it is, up to the last member of this part. Items of a list keep their places. */
  readonly prefix: () => Piece
}

/** A branch that we are in: what of it is in this part, and how many of its members we have seen in all. */
interface Open {
  readonly key: string
  readonly branch: Branch
  seen: number
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
  const path: Open[] = []
  let torn = new Set<Branch>()
  let members = 0

  const put = (key: string, member: JsonValue): void => {
    const { branch } = path.at(-1) ?? {}
    if (Array.isArray(branch)) branch.push(member)
    else if (branch) branch[key] = member
  }
  const enter = (key: string, isList: boolean, seen: number): Branch => {
    const branch: Branch = isList ? [] : {}
    put(key, branch)
    path.push({ key, branch, seen })
    return branch
  }
  const count = (): void => {
    const open = path.at(-1)
    if (open) open.seen += 1
  }
  const take = (): void => {
    const [root] = path
    if (!root) return
    const ends = path.map(({ seen }) => seen)
    const prefix = () => cut(tree, ends)
    parts.push({ tree: root.branch, torn: new Set([...torn, ...path.map(({ branch }) => branch)]), prefix })
  }
  const tear = (): void => {
    take()
    const open = path.splice(0)
    torn = new Set(open.map(({ key, branch, seen }) => enter(key, Array.isArray(branch), seen)))
    members = 0
  }
  const walk = (key: string, value: JsonValue): void => {
    const own = sizes.get(value) ?? 1
    if (members + (own > size ? 1 : own) > size) tear()
    count()
    if (own <= size || typeof value !== 'object' || value === null) {
      put(key, value)
      members += own
      return
    }
    members += 1
    enter(key, Array.isArray(value), 0)
    eachMember(value, walk)
    // The root stays, for the last part.
    if (path.length > 1) path.pop()
  }
  walk('', tree)
  take()
  return parts
}

/** The first members of a tree: so many of the root, so many of the last of these, and so on. */
function cut(tree: JsonValue, ends: readonly number[]): Piece {
  const torn = new Set<unknown>()
  const cutAt = (value: JsonValue, depth: number): JsonValue => {
    const end = ends[depth]
    if (end === undefined || typeof value !== 'object' || value === null) return value
    const members: [string, JsonValue][] = []
    eachMember(value, (key, member) => {
      if (members.length < end) members.push([key, members.length === end - 1 ? cutAt(member, depth + 1) : member])
    })
    const branch = Array.isArray(value) ? members.map(([, item]) => item) : Object.fromEntries(members)
    torn.add(branch)
    return branch
  }
  return { tree: cutAt(tree, 0), torn }
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
