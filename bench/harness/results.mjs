// Prints and saves results, the data for tables and plots of docs/maintainers/performance.md.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { readable } from './table.mjs'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const KEPT = 'bench/results'
const QUICK = '.cache/bench'

export function print(title, { tables = [], goals = [] }, isQuick) {
  for (const { title: part, columns, rows } of tables) {
    const cells = rows.map((row) => row.map((cell) => String(cell)))
    const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((row) => row[i].length)))
    console.log(`\n${[title, part].filter(Boolean).join(': ')}`)
    for (const row of [columns, ...cells])
      console.log(row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '))
  }
  console.log()
  for (const { what, value, sign, limit, noise, verdict } of goals)
    console.log(
      `${(isQuick ? 'quick' : verdict).padEnd(10)}  ${what}: ${readable(value)} (${sign} ${limit}; control ${percent(noise)})`,
    )
}

export const percent = (ratio) => `${(ratio * 100).toFixed(1)} %`

/** Saves a result. Short runs go to another folder, because they give no verdict. */
export function save(name, result, isQuick) {
  const folder = `${ROOT}${isQuick ? QUICK : KEPT}`
  mkdirSync(folder, { recursive: true })
  const content = { ...surroundings(name, isQuick), ...result }
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(content, null, 2)}\n`)
}

function surroundings(name, isQuick) {
  const [{ model }] = cpus()
  return {
    command: `npm run bench ${name}${isQuick ? ' -- --quick' : ''}`,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    machine: `${cpus().length} x ${model}, ${Math.round(totalmem() / 1024 ** 3)} GB`,
    load: Number(loadavg()[0].toFixed(1)),
  }
}
