// Tables as data, for the console, the results file and docs/maintainers/performance.md.

/**
 * @param contestants by the name in the table, the name in the comparison
 * @param columns by title, a function from a name to the cell: a number or a string
 */
export function tableOf(title, contestants, columns) {
  const rows = Object.entries(contestants).map(([shown, name]) => [
    shown,
    ...Object.values(columns).map((cell) => readable(cell(name))),
  ])
  return { title, columns: ['', ...Object.keys(columns)], rows }
}

/** Returns a table from rows by title, each with its cells by column title. */
export function tableOfRows(title, rows) {
  const columns = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))]
  const cells = Object.entries(rows).map(([shown, row]) => [
    shown,
    ...columns.map((column) => readable(row[column] ?? '')),
  ])
  return { title, columns: ['', ...columns], rows: cells }
}

/** Formats a number with its significant digits: three, and all before the decimal point. */
export function readable(value) {
  if (typeof value !== 'number') return value
  if (Number.isInteger(value)) return value.toLocaleString('en')
  const text = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
  return Number(text).toLocaleString('en', { minimumFractionDigits: decimals(text), maximumFractionDigits: 6 })
}

const decimals = (text) => (text.includes('e') ? 0 : (text.split('.')[1]?.length ?? 0))

/** Returns all contestants of a comparison under their own names. */
export const namesOf = ({ names }) => Object.fromEntries(names.map((name) => [name, name]))
