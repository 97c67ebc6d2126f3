export const DEFAULT_TABLE = 'live_session_settings'

const NAME = /^(?:[A-Za-z_]\w{0,47}\.)?[A-Za-z_]\w{0,47}$/

/** @throws {TypeError} for what is no name of a table, or so long that its index has none */
export function checkTable(table: unknown): string {
  if (typeof table === 'string' && NAME.test(table)) return table
  throw new TypeError(
    `koa-live-session: sqlStore: table: expected a name like "settings" or "schema.settings", of at most 48 letters, digits and _, received ${JSON.stringify(table)}`,
  )
}

/** A checked name in quotes, its schema apart. */
export function quoted(table: string, quote: '"' | '`'): string {
  return table.replace(/\w+/g, (name) => quote + name + quote)
}

/** The index is in the table's schema, and named without it. */
export function indexName(table: string): string {
  return `${table.replace(/^.*\./, '')}_read_at`
}
