// Validates and quotes the name of the table.

export const DEFAULT_TABLE = 'live_session_settings'

const NAME = /^(?:[A-Za-z_]\w{0,47}\.)?[A-Za-z_]\w{0,47}$/

/** @throws {TypeError} for an invalid table name, or a name too long for its index */
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

/** Returns the name of the index, without the schema: indexes live in their table's schema. */
export function indexName(table: string): string {
  return `${table.replace(/^.*\./, '')}_read_at`
}
