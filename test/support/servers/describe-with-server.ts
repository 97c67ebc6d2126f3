import { report } from '../../runner/missing.mjs'
import { describeWith } from '../app/describe-with.js'
import { find, type Needed } from './installed.js'

/** Defines tests that start this server. Without the server they are skipped with a warning, or fail. */
export function describeWithServer(needed: Needed, title: string, run: () => void): void {
  const { name, commands, package: debian, variable } = needed
  if (find(needed) === undefined)
    report(name, `apt-get install -y ${debian}`, `${variable}=/path/to/${commands[0]}`, [])
  describeWith(name, title, run)
}
