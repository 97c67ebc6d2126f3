// `npm version` runs this after it has set the version in package.json: the unreleased notes become the notes of that version, and the
// documents get the new name of the packed file.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const UNRELEASED = '## [Unreleased]\n'
const PAGES = readdirSync('docs', { recursive: true }).filter((file) => file.endsWith('.md'))
const NAMING_THE_FILE = ['README.md', 'example/starter/package.json', ...PAGES.map((page) => `docs/${page}`)]

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'))
const changes = readFileSync('CHANGELOG.md', 'utf8')
const [before, after] = changes.split(UNRELEASED)
const [notes = ''] = (after ?? '').split(/^## /m)
if (notes.trim() === '')
  throw new Error(`CHANGELOG.md: expected notes under ${UNRELEASED.trim()}, received none. Say what users will notice`)

const today = new Date().toISOString().slice(0, 10)
writeFileSync('CHANGELOG.md', `${before}${UNRELEASED}\n## [${version}] - ${today}\n${after}`)
for (const file of NAMING_THE_FILE) {
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace(new RegExp(`${name}-\\d[\\w.-]*\\.tgz`, 'g'), `${name}-${version}.tgz`))
}
