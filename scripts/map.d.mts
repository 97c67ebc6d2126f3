export const PAGE: string
/** Returns the page with its map as the files are now. */
export function withMap(page: string, root: string): string
