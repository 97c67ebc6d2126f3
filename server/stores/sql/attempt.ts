/** How often a statement is tried that the database rolls back in favour of another. */
const ATTEMPTS = 10

/** PostgreSQL's deadlock and serialization failure, MariaDB's and MySQL's deadlock. */
const UNDONE: ReadonlySet<unknown> = new Set(['40P01', '40001', 'ER_LOCK_DEADLOCK'])

/** The codes for an unknown table or column of PostgreSQL, MariaDB and MySQL; for SQLite each driver has its own. */
const UNKNOWN: ReadonlySet<unknown> = new Set(['42P01', 'ER_NO_SUCH_TABLE', '42703', 'ER_BAD_FIELD_ERROR'])

/**
 * Runs a database action, again if the database has rolled it back and asks for a retry.
 *
 * @throws {Error} saying what was attempted; its cause has the driver's code
 */
export async function attempt<T>(doing: string, act: () => Promise<T>): Promise<T> {
  for (let left = ATTEMPTS - 1; ; left -= 1) {
    try {
      return await act()
    } catch (error) {
      if (left === 0 || !UNDONE.has(codeOf(error))) throw failure(doing, error)
    }
  }
}

/**
 * A driver's error without what it quotes: mysql2 attaches the statement with all values to its errors, PostgreSQL the row that failed, and
 * logs print everything that an error has.
 */
function failure(doing: string, error: unknown): Error {
  const code = codeOf(error)
  const said = error instanceof Error ? error.message : String(error)
  // For a connection that was refused at several addresses, Node gives only the code.
  const message = said === '' ? String(code) : said
  const remedy =
    UNKNOWN.has(code) || /^no such (?:table|column)|has no column named/.test(said)
      ? '. Run migrateSqlStore(db) once, at a deploy'
      : ''
  const cause = Object.assign(new Error(message), { code })
  return new Error(`koa-live-session: sqlStore: ${doing}: ${message}${remedy}`, { cause })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
