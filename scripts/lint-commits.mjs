// Checks subjects of commits: `type(scope): imperative`, at most 72 characters. With a file, checks the message in that file, for
// git's hook `commit-msg`; without a file, checks the last commits, for `npm run lint`.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const COUNT = 30
const LONGEST = 72
const FORM = /^(feat|fix|docs|test|refactor|perf|build|ci|chore|revert)(\([a-z0-9-]+(\/[a-z0-9-]+)?\))?!?: (\S+) ?/
/** "adds", "added", "adding"; but "pass", "need", "bring". */
const NOT_IMPERATIVE = /^(?!\w*ss$|need$|feed$|speed$|embed$|bring$|focus$)\w+(s|ed|ing)$/i

const [file] = process.argv.slice(2)
for (const subject of file ? [readFileSync(file, 'utf8').split('\n')[0]] : lastSubjects()) {
  const problem = problemOf(subject)
  if (problem) {
    console.error(`commit subject: ${problem}: ${subject}`)
    process.exitCode = 1
  }
}

function lastSubjects() {
  // A copy of the files without their history is fine.
  if (!existsSync('.git')) return []
  const log = execFileSync('git', ['log', `-${COUNT}`, '--no-merges', '--format=%s'], { encoding: 'utf8' })
  return log.trimEnd().split('\n')
}

function problemOf(subject) {
  if (/^(Merge|Revert|fixup!|squash!) /.test(subject)) return undefined
  if (subject.length > LONGEST) return `${subject.length} characters, at most ${LONGEST}`
  const verb = FORM.exec(subject)?.[4]
  if (!verb) return 'expected "type(scope): imperative"'
  return NOT_IMPERATIVE.test(verb) ? `expected an imperative, received "${verb}"` : undefined
}
