/** Returns few rows (pairwise testing), in which each value of a list meets each value of every other list at least once. */
export function pairs<Lists extends readonly (readonly unknown[])[]>(
  ...lists: Lists
): { readonly [Index in keyof Lists]: Lists[Index][number] }[] {
  const open = new Set<string>()
  const name = (list: number, at: number, other: number, there: number): string =>
    list < other ? `${list}:${at} ${other}:${there}` : `${other}:${there} ${list}:${at}`
  lists.forEach((values, list) => {
    for (const [other, others] of lists.entries()) {
      if (other <= list) continue
      values.forEach((_, at) => void others.forEach((_, there) => void open.add(name(list, at, other, there))))
    }
  })
  const rows: number[][] = []
  for (const first of open) {
    const row: number[] = []
    for (const [, list, at] of first.matchAll(/(\d+):(\d+)/g)) row[Number(list)] = Number(at)
    lists.forEach((values, list) => {
      if (row[list] !== undefined) return
      const gains = values.map((_, at) => {
        let gain = 0
        row.forEach((there, other) => {
          if (open.has(name(list, at, other, there))) gain += 1
        })
        return gain
      })
      row[list] = gains.indexOf(Math.max(...gains))
    })
    row.forEach((at, list) => void row.forEach((there, other) => void open.delete(name(list, at, other, there))))
    rows.push(row)
  }
  return rows.map((row) => row.map((at, list) => lists[list]?.[at])) as never
}
