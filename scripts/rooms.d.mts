/** The size of a folder. */
export interface Weight {
  readonly lines: number
  readonly files: number
}
export function sourceFiles(root: string): readonly string[]
export function weighRooms(root: string): Readonly<Record<string, Weight>>
export function linesOfCode(text: string): number
