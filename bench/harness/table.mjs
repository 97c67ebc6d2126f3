// A table as data: what the console, the results file and docs/performance.md show.

/**
 * @param contestants by what the table calls them, the name in the comparison
 * @param columns by title, what makes a cell of a name: a number, or a text
 */
export function tableOf(title, contestants, columns) {
  const rows = Object.entries(contestants).map(([shown, name]) => [
    shown,
    ...Object.values(columns).map((cell) => readable(cell(name))),
  ])
  return { title, columns: ['', ...Object.keys(columns)], rows }
}

/** Of rows by their title, each with its cells by the title of the column. */
export function tableOfRows(title, rows) {
  const columns = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))]
  const cells = Object.entries(rows).map(([shown, row]) => [
    shown,
    ...columns.map((column) => readable(row[column] ?? '')),
  ])
  return { title, columns: ['', ...columns], rows: cells }
}

/** As many digits as can be told apart: three, and all before the point. */
export function readable(value) {
  if (typeof value !== 'number') return value
  if (Number.isInteger(value)) return value.toLocaleString('en')
  const text = Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
  return Number(text).toLocaleString('en', { minimumFractionDigits: decimals(text), maximumFractionDigits: 6 })
}

const decimals = (text) => (text.includes('e') ? 0 : (text.split('.')[1]?.length ?? 0))

/** All of a comparison, under their own names. */
export const namesOf = ({ names }) => Object.fromEntries(names.map((name) => [name, name]))
