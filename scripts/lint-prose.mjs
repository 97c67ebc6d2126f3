// `npm run lint` counts the words that make sentences hard to read, in 1,000 words of each kind of text, and looks for long test titles.
// A kind may exceed the aim as far as scripts/prose.json records; `npm run prose` records again where a number has fallen.
// `node scripts/lint-prose.mjs --worst 40` lists the hardest sentences of each kind.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** By word, the highest rate in 1,000 words of those projects of the field whose prose is read a lot. */
const AIMS = {
  what: [/\bwhat\b/gi, 1],
  that: [/\bthat\b/gi, 9],
  it: [/\bit\b/gi, 9],
  one: [/\bones?\b/gi, 2],
  who: [/\bwhom?\b/gi, 1],
  passive: [
    /\b(is|are|was|were|be|been|being)\s+(not\s+)?(\w+ed|\w+en|told|kept|held|made|sent|set|read|known|brought|left|lost|begun|put|heard|said)\b/gi,
    15,
  ],
}
/** A rate may exceed the recorded rate by this much, to leave room for a good sentence. */
const SLACK = 0.2
const LONGEST_TITLE = 12

const root = fileURLToPath(new URL('..', import.meta.url))
const recordedPath = join(root, 'scripts/prose.json')
const worst = process.argv.includes('--worst') ? Number(process.argv[process.argv.indexOf('--worst') + 1]) : 0

const kinds = {
  comments: texts(['client', 'server', 'shared', 'testing'], /\.tsx?$/, commentsOf),
  titles: texts(['test'], /\.tsx?$/, titlesOf),
  'test comments': texts(['test', 'bench', 'example', 'scripts'], /\.(tsx?|mjs)$/, commentsOf),
  docs: [
    ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].flatMap(linesOf),
    ...texts(['docs'], /^docs\/(maintainers\/)?[^/]*\.md$/, linesOf),
    ...texts(['client', 'server'], /\.md$/, linesOf),
  ],
}

const measured = Object.fromEntries(Object.entries(kinds).map(([kind, found]) => [kind, measure(found)]))
if (process.argv.includes('--record')) writeFileSync(recordedPath, toJson(measured))
else check(JSON.parse(readFileSync(recordedPath, 'utf8')))
if (worst > 0) for (const [kind, found] of Object.entries(kinds)) listWorst(kind, found)

function measure(found) {
  const words = found.reduce((sum, { text }) => sum + wordsIn(text), 0)
  const rate = (pattern) => (found.reduce((sum, { text }) => sum + count(text, pattern), 0) / words) * 1000
  return Object.fromEntries(
    Object.entries(AIMS).map(([word, [pattern]]) => [word, Math.round(rate(pattern) * 10) / 10]),
  )
}

function check(recorded) {
  for (const [kind, rates] of Object.entries(measured))
    for (const [word, rate] of Object.entries(rates)) {
      const most = Math.max(AIMS[word][1], (recorded[kind]?.[word] ?? 0) + SLACK)
      if (rate > most)
        fail(`${kind}: ${rate} of "${word}" in 1,000 words, more than ${most}. Name the thing: CONTRIBUTING.md`)
    }
  for (const { at, text } of kinds.titles)
    if (wordsIn(text) > LONGEST_TITLE) fail(`${at}: a title of more than ${LONGEST_TITLE} words: ${text}`)
}

function listWorst(kind, found) {
  const hardness = ({ text }) => {
    const weighed = Object.entries(AIMS).map(([, [pattern, aim]]) => count(text, pattern) / Math.sqrt(aim))
    return weighed.reduce((sum, weight) => sum + weight, 0) / (wordsIn(text) + 12)
  }
  console.log(`\n${kind}`)
  const hardest = found.toSorted((a, b) => hardness(b) - hardness(a)).slice(0, worst)
  for (const { at, text } of hardest) console.log(`  ${at}: ${text.trim()}`)
}

function texts(folders, pattern, read) {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  return files.filter((file) => pattern.test(file) && !file.includes('node_modules')).flatMap(read)
}

function commentsOf(file) {
  const source = readFileSync(join(root, file), 'utf8')
  return [...source.matchAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/[^\n]*/g)].map(({ 0: comment, index }) => ({
    at: placeOf(file, source, index),
    text: comment
      .replace(/^\s*(\/\*\*?|\*\/|\*|\/\/)/gm, ' ')
      .replace(/\*\/\s*$/, ' ')
      .replace(/\s+/g, ' '),
  }))
}

function titlesOf(file) {
  const source = readFileSync(join(root, file), 'utf8')
  const titles = source.matchAll(/\b(?:it|test|describe)(?:\.\w+)*\(\s*(?:'((?:[^'\\]|\\.)*)'|`([^`]*)`|"([^"]*)")/g)
  return [...titles].map(({ 1: single, 2: template, 3: double, index }) => ({
    at: placeOf(file, source, index),
    text: (single ?? template ?? double ?? '').replaceAll('\\u2019', '’'),
  }))
}

function linesOf(file) {
  const withoutCode = readFileSync(join(root, file), 'utf8').replace(/```[\s\S]*?```/g, (code) =>
    '\n'.repeat(code.split('\n').length - 1),
  )
  const lines = withoutCode.split('\n').map((text, index) => ({ at: `${file}:${index + 1}`, text }))
  return lines.filter(({ text }) => /[a-z]/.test(text))
}

function placeOf(file, source, index) {
  return `${file}:${source.slice(0, index).split('\n').length}`
}

function wordsIn(text) {
  return text.match(/[A-Za-z'’]+/g)?.length ?? 0
}

function count(text, pattern) {
  return text.match(pattern)?.length ?? 0
}

function toJson(rates) {
  const rows = Object.entries(rates).map(
    ([kind, numbers]) =>
      `  ${JSON.stringify(kind)}: { ${Object.entries(numbers)
        .map(([word, rate]) => `${JSON.stringify(word)}: ${rate}`)
        .join(', ')} }`,
  )
  return `{\n${rows.join(',\n')}\n}\n`
}

function fail(message) {
  console.error(message)
  process.exitCode = 1
}
