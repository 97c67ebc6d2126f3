// `npm run lint` checks the documents: short sentences, the reading time of the five guides, existing paths, links and scripts, and the
// commands of the README and the starter.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sourceFiles, weighRooms } from './rooms.mjs'

const MAX_WORDS = 30
/** Words of prose and lines of code read per minute. */
const WORDS_PER_MINUTE = 230
const LINES_PER_MINUTE = 22
const MAX_MINUTES = 25
const ARCHITECTURE = 'docs/maintainers/architecture.md'
/** Base folders of paths in the architecture's flows. */
const STARTS = ['', 'server/', 'server/features/', 'client/']

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const guides = pagesIn('docs')
const forMaintainers = pagesIn('docs/maintainers')
const besideCode = ['client', 'server'].flatMap((folder) => pagesIn(folder, true))

for (const page of ['README.md', ...guides])
  for (const sentence of sentencesOf(page)) {
    const count = wordsIn(sentence)
    if (count > MAX_WORDS) fail(page, `a sentence of ${count} words, more than ${MAX_WORDS}: ${sentence}`)
  }
checkReadingTime()
checkArchitecture()
checkMembers()
checkLinks()
checkContributing()
checkSizes()
checkCodes()
checkStarter()

function pagesIn(folder, recursive = false) {
  const names = readdirSync(folder, { recursive, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  return names.map((name) => join(folder, name))
}

/** Returns the sentences of a page, without code, tables and headings. */
function sentencesOf(page) {
  const prose = readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]+`/g, 'code')
    .replace(/\]\([^)]*\)/g, ']')
  const lines = prose.split('\n').filter((line) => !/^\s*[|#]/.test(line))
  return lines.flatMap((line) => line.split(/(?<=[.!?:]\**)\s+/))
}

function wordsIn(text) {
  return text.split(/[\s|]+/).filter((word) => /\w/.test(word)).length
}

function checkReadingTime() {
  const page = 'docs/README.md'
  const contents = readFileSync(page, 'utf8')
  const pages = [...contents.matchAll(/^\d\. \[[^\]]+\]\(([\w-]+\.md)\)/gm)].map(([, name]) => `docs/${name}`)
  const minutes = pages.reduce((sum, each) => sum + minutesOf(each), 0)
  if (pages.length !== 5 || !contents.includes(`Five pages, ${MAX_MINUTES} minutes`))
    fail(page, `expected five numbered guides, and "Five pages, ${MAX_MINUTES} minutes"`)
  if (minutes > MAX_MINUTES) fail(page, `the five guides take ${minutes.toFixed(2)} minutes, more than ${MAX_MINUTES}`)
}

/** Returns the reading time of a page, without diagrams. */
function minutesOf(page) {
  const text = readFileSync(page, 'utf8')
  const code = [...text.matchAll(/^```(?!mermaid)\w+\n(.*?)^```$/gms)].flatMap(([, block]) => block.split('\n'))
  const prose = text.replace(/^```\w+\n.*?^```$/gms, '').replace(/\]\([^)]*\)/g, ']')
  return wordsIn(prose) / WORDS_PER_MINUTE + code.filter((line) => line.trim() !== '').length / LINES_PER_MINUTE
}

function checkArchitecture() {
  const page = readFileSync(ARCHITECTURE, 'utf8')
  const listed = [...page.matchAll(/^\| `([\w/-]+)\/` \|/gm)].map(([, folder]) => folder)
  for (const folder of Object.keys(weighRooms('.')))
    if (!listed.some((one) => folder === one || (one !== 'server' && folder.startsWith(`${one}/`))))
      fail(ARCHITECTURE, `no row for ${folder}/`)
  const flows = page.slice(page.indexOf('\n## How things flow'))
  const paths = [...flows.matchAll(/`([\w-]+(?:\/[\w-]+)+)`/g)].map(([, path]) => path)
  for (const path of [...listed, ...paths])
    if (!STARTS.some((start) => ['', '.ts', '.tsx'].some((ending) => existsSync(start + path + ending))))
      fail(ARCHITECTURE, `names ${path}, which does not exist`)
}

function checkLinks() {
  const pages = [...pagesIn('.'), ...guides, ...forMaintainers, ...besideCode]
  for (const page of pages)
    for (const { link, file, anchor } of linksOf(page))
      if (!existsSync(file) || (anchor !== '' && !anchorsOf(file).includes(anchor)))
        fail(page, `a broken link: ${link}`)
  const listed = linksOf('docs/README.md').map(({ file }) => file)
  for (const page of [...guides, ...forMaintainers])
    if (page !== 'docs/README.md' && !listed.includes(page)) fail('docs/README.md', `no link to ${page}`)
}

/** Returns the relative links of a page, with their targets. */
function linksOf(page) {
  const prose = readFileSync(page, 'utf8')
    .replace(/^```.*?^```$/gms, '')
    .replace(/`[^`\n]*`/g, '``')
  return [...prose.matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([link, path, anchor = '']) => ({
    link,
    file: path === '' ? page : normalize(join(dirname(page), path)),
    anchor,
  }))
}

/** Returns the anchors of a page's headings, numbered if repeated. */
function anchorsOf(page) {
  const anchors = []
  const text = readFileSync(page, 'utf8').replace(/^```.*?^```$/gms, '')
  for (const [, heading] of text.matchAll(/^#+ (.+)$/gm)) {
    const words = heading.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = words.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
    const earlier = anchors.filter((other) => other.replace(/-\d+$/, '') === anchor).length
    anchors.push(earlier === 0 ? anchor : `${anchor}-${earlier}`)
  }
  return anchors
}

function checkContributing() {
  const page = 'CONTRIBUTING.md'
  const guide = readFileSync(page, 'utf8')
  const { engines, scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  for (const [, script] of guide.matchAll(/npm run ([\w:]+)/g))
    if (!(script in scripts)) fail(page, `names the script ${script}, which does not exist`)
  for (const [, path] of guide.matchAll(/`((?:client|server|shared)\/[^`]+)`/g))
    if (!existsSync(path)) fail(page, `names ${path}, which does not exist`)
  const oldest = engines.node.replace('>=', '')
  if (!guide.includes(`Node ${oldest} or newer`)) fail(page, `expected "Node ${oldest} or newer"`)
  if (readFileSync('.nvmrc', 'utf8').trim() !== oldest) fail('.nvmrc', `expected ${oldest}`)
  const workflow = '.github/workflows/ci.yml'
  if (!readFileSync(workflow, 'utf8').includes(`container: node:${oldest}-`)) fail(workflow, `expected Node ${oldest}`)
}

/** Checks that each `Class.member` named in the maintainers' pages exists in the code. */
function checkMembers() {
  const texts = sourceFiles(process.cwd()).map((file) => readFileSync(file, 'utf8'))
  for (const page of forMaintainers)
    for (const [, owner, member] of readFileSync(page, 'utf8').matchAll(/`([A-Z]\w+)\.([a-z]\w+)`/g)) {
      if (owner in globalThis) continue
      const isOwner = new RegExp(`^(export )?(abstract )?(class|interface) ${owner}\\b`, 'm')
      const has = texts.some((text) => isOwner.test(text) && new RegExp(`\\b${member}\\b`).test(text))
      if (!has) fail(page, `names ${owner}.${member}, which does not exist`)
    }
}

/** Checks that troubleshooting.md has a section with a remedy for each code. */
function checkCodes() {
  const page = 'docs/troubleshooting.md'
  const codesIn = (file, type) => {
    const [union] = readFileSync(file, 'utf8').match(new RegExp(`export type ${type} =[^\n]*(\n  \\|.*)*`))
    return [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code)
  }
  const codes = new Set([
    ...[...readFileSync('shared/codes.ts', 'utf8').matchAll(/^ {2}(\w+): \d+,$/gm)].map(([, code]) => code),
    ...codesIn('client/error.ts', 'ErrorTextCode'),
  ])
  const sections = readFileSync(page, 'utf8').matchAll(/^### `(\w+)`\n(.*?)(?=^##|$(?![\s\S]))/gms)
  const texts = new Map([...sections].map(([, code, text]) => [code, text]))
  for (const code of codes) if (!/\*\*Do:\*\* \S/.test(texts.get(code))) fail(page, `no remedy for ${code}`)
  for (const code of texts.keys()) if (!codes.has(code)) fail(page, `explains ${code}, which does not exist`)
}

/** Compares the size limits in the README and in performance.md with those of `npm run check:package`. */
function checkSizes() {
  const page = 'docs/maintainers/performance.md'
  const rows = readFileSync(page, 'utf8')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
  const limits = new Map(JSON.parse(readFileSync('.size-limit.json', 'utf8')).map(({ name, limit }) => [name, limit]))
  const readme = readFileSync('README.md', 'utf8')
  for (const name of ['client', 'hook']) {
    const limit = limits.get(name)
    if (!readme.includes(limit)) fail('README.md', `does not state the ${limit} of the ${name}`)
  }
  for (const [title, name] of [
    ['`koa-live-session/client`', 'client'],
    ['with `onFlash`', 'client and onFlash'],
    ['with `followAddress`', 'client and followAddress'],
    ['with `followHandOffs`', 'client and followHandOffs'],
    ['with `keepTab`', 'client and keepTab'],
    ['with all four', 'client and all its parts'],
    ['`koa-live-session/hook`', 'hook'],
    ['`koa-live-session/react`', 'react'],
    ['`koa-live-session/vue`', 'vue'],
  ]) {
    const stated = rows.find(([, first]) => first?.startsWith(title))?.[2]
    if (`${stated} kB` !== limits.get(name)) fail(page, `states ${stated} kB of ${title}, not ${limits.get(name)}`)
  }
}

function fail(page, problem) {
  console.error(`${page}: ${problem}`)
  process.exitCode = 1
}

/** Checks the README's length and commands, and that the starter repeats these commands for this version. */
function checkStarter() {
  const page = 'README.md'
  const readme = readFileSync(page, 'utf8').trimEnd()
  if (readme.split('\n').length > 150) fail(page, 'more than 150 lines')
  const commands = (title) => {
    const section = readme.split(/^## /m).find((one) => one.startsWith(`${title}\n`)) ?? ''
    return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].flatMap(([, text]) => text.trimEnd().split(/\n| && /))
  }
  const first = commands('Try it').map((command) => command.replace(/ *#.*/, ''))
  if (first.join() !== 'npm ci,npm start,npm ci,npm test') fail(page, `begins with ${first.join(', ')}`)
  if (commands('Quick start').length !== 7) fail(page, 'expected seven commands in "Quick start"')
  const [, own] = /^```sh\n(npm ci && npm pack\n.*?)^```$/ms.exec(readme) ?? []
  const starter = 'example/starter/README.md'
  if (/^```sh\n(.*?)^```$/ms.exec(readFileSync(starter, 'utf8'))?.[1] !== own)
    fail(starter, 'has other commands than README.md')
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  const { dependencies } = JSON.parse(readFileSync('example/starter/package.json', 'utf8'))
  if (!dependencies['koa-live-session'].includes(`-${version}.tgz`))
    fail('example/starter/package.json', `expected ${version}`)
  const ignored = readFileSync('example/starter/.gitignore', 'utf8').split('\n')
  for (const name of ['.env', 'node_modules/', 'page.js'])
    if (!ignored.includes(name)) fail('example/starter/.gitignore', `expected ${name}`)
}
