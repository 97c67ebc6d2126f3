// Generates parts of docs/maintainers/performance.md and of bench/README.md, and the plots, from bench/results. Each row names its commit.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { drawBars, drawLines } from './harness/plots.mjs'
import { percent } from './harness/results.mjs'
import { readable } from './harness/table.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = [`${ROOT}docs/maintainers/performance.md`, `${ROOT}bench/README.md`]
const PLOTS = 'performance'
/**
 * `<!-- bench read -->` begins the part of the row `read`, `<!-- bench plots: growth -->` its plots alone, `<!-- bench tables: read -->` its
 * tables alone, and `<!-- bench targets: read, mock -->` the verdicts of these rows.
 */
const PARTS = /(<!-- bench (?:(targets|plots|tables): )?([\w, ]+) -->\n)[\s\S]*?(<!-- end -->)/g

/** Rewrites the pages and the plots. */
export function writeDocument() {
  mkdirSync(`${ROOT}docs/maintainers/${PLOTS}`, { recursive: true })
  for (const [file, text] of generate()) writeFileSync(file, text)
}

/** Returns the texts of the pages and the plots by file, from the results. */
function generate() {
  const files = new Map()
  for (const page of PAGES) {
    const text = readFileSync(page, 'utf8').replace(PARTS, (_, begin, kind, names, end) => {
      const part = kind === 'targets' ? verdicts(names.split(', ')) : row(names, kind, files)
      return `${begin}\n${part}\n\n${end}`
    })
    files.set(page, text)
  }
  return files
}

/** Fails if a page or a plot differs from the results. */
function checkDocument() {
  const isOld = ([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text
  for (const [file] of [...generate()].filter(isOld)) {
    console.error(`${file}: run node bench/document.mjs`)
    process.exitCode = 1
  }
}

function resultOf(name) {
  const path = `${ROOT}bench/results/${name}.json`
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}

function verdicts(names) {
  const rows = names.flatMap((name) => {
    const result = resultOf(name)
    if (!result) return [[`\`${name}\``, '', '', '', 'not measured yet']]
    return result.goals.map(({ what, value, sign, limit, noise, verdict }) => {
      const goal = `${sign === '>=' ? '≥' : '≤'} ${limit}`
      return [`\`${name}\`: ${what}`, readable(value), goal, noise > 0 ? percent(noise) : '', verdict]
    })
  })
  const setting = [`Measured on ${settingOf('read').join(', ')}.`, ...exceptions(names)].join(' ')
  return [setting, markdown({ columns: ['', 'measured', 'goal', 'control', ''], rows })].join('\n\n')
}

/** Says which rows were measured in another setting than `read`, a sentence for each setting. */
function exceptions(names) {
  const rows = new Map()
  for (const name of names.filter(resultOf)) {
    const setting = unusual(name).join(', ')
    if (setting) rows.set(setting, [...(rows.get(setting) ?? []), `\`${name}\``])
  }
  return [...rows].map(([setting, those]) => `The rows ${those.join(', ')}: ${setting}.`)
}

function unusual(name) {
  const usual = settingOf('read')
  return settingOf(name).filter((part) => !usual.includes(part))
}

/** Returns the date, Node version and machine of a measurement: stated above the goals, and again for rows where they differ. */
function settingOf(name) {
  const { date, node, machine } = resultOf(name) ?? {}
  return [date, `with Node ${node}`, `on ${machine}`]
}

function row(name, kind, files) {
  const result = resultOf(name)
  if (!result) return `Not measured yet at this version: \`npm run bench ${name}\`.`
  const { commit, tables } = result
  const usual = settingOf('read')
  const source = [`Row \`${name}\``, `commit ${commit}`, ...settingOf(name).filter((part) => !usual.includes(part))]
  const drawn = kind === 'tables' ? [] : plots(name, result, files)
  const listed = kind === 'plots' ? [] : tables.map(titled)
  return [`${source.join(', ')}:`, ...drawn, ...listed].join('\n\n')
}

const titled = (table) => (table.title ? `${capital(table.title)}:\n\n${markdown(table)}` : markdown(table))
const capital = (text) => text[0].toUpperCase() + text.slice(1)

function markdown({ columns, rows }) {
  const line = (cells) => `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |').replaceAll('|  |', '| |')
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}

function plots(name, { bars, lines = [] }, files) {
  const drawn = [
    ...(bars ? [[bars.title, drawBars(bars)]] : []),
    ...lines.map((each) => [`${each.title}, by ${each.x}`, drawLines(each)]),
  ]
  return drawn.map(([title, svg], i) => {
    const file = `${PLOTS}/${name}${i || ''}.svg`
    files.set(`${ROOT}docs/maintainers/${file}`, svg)
    return `![${title}](${file})`
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--check')) checkDocument()
  else writeDocument()
}
