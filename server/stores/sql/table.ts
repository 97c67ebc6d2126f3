// The name of the table.

export const DEFAULT_TABLE = 'live_session_settings'

const NAME = /^(?:[A-Za-z_]\w{0,47}\.)?[A-Za-z_]\w{0,47}$/

/** @throws {TypeError} if it is not a table name, or too long to name its index */
export function checkTable(table: unknown): string {
  if (typeof table === 'string' && NAME.test(table)) return table
  throw new TypeError(
    `koa-live-session: sqlStore: table: expected a name like "settings" or "schema.settings", of at most 48 letters, digits and _, received ${JSON.stringify(table)}`,
  )
}

/** Returns a checked name in quotes, with its schema quoted separately. */
export function quoted(table: string, quote: '"' | '`'): string {
  return table.replace(/\w+/g, (name) => quote + name + quote)
}

/** Returns the name of the index, which is in the table's schema but named without it. */
export function indexName(table: string): string {
  return `${table.replace(/^.*\./, '')}_read_at`
}
