/** One of the studio's lines of work. */
export interface Division {
  readonly id: number
  readonly name: string
}

/** What the field `division` says where nothing is filtered. */
export const ALL_DIVISIONS = -1

export const divisions: readonly Division[] = [
  { id: 1, name: 'Architecture' },
  { id: 2, name: 'Film' },
  { id: 3, name: 'Design' },
  { id: 4, name: 'Events' },
]

/** The division of that id; none where all are meant, or where it is not known here. */
export function findDivision(id: number): Division | undefined {
  return divisions.find((division) => division.id === id)
}

/** Whether the field `division` may say so. */
export function isDivision(id: number): boolean {
  return id === ALL_DIVISIONS || findDivision(id) !== undefined
}

/** What a division is called in a sentence. */
export function divisionLabel(id: number): string {
  return findDivision(id)?.name ?? 'All divisions'
}
