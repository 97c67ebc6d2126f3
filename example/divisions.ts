/** A line of work of the studio. */
export interface Division {
  readonly id: number
  readonly name: string
}

/** Value of the field `division` without a filter. */
export const ALL_DIVISIONS = -1

export const divisions: readonly Division[] = [
  { id: 1, name: 'Architecture' },
  { id: 2, name: 'Film' },
  { id: 3, name: 'Design' },
  { id: 4, name: 'Events' },
]

/** Returns the division with this id; undefined for `ALL_DIVISIONS` or an unknown id. */
export function findDivision(id: number): Division | undefined {
  return divisions.find((division) => division.id === id)
}

/** Returns whether this is a valid value of the field `division`. */
export function isDivision(id: number): boolean {
  return id === ALL_DIVISIONS || findDivision(id) !== undefined
}

/** Returns the name of a division for use in a sentence. */
export function divisionLabel(id: number): string {
  return findDivision(id)?.name ?? 'All divisions'
}
