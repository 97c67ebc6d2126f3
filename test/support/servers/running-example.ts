import { afterAll, beforeAll } from '@jest/globals'
import { present } from '../app/present.js'
import { Example } from './example.js'

/** An example app for the tests of a file. */
export function runningExample(
  script = 'start',
  ...args: readonly string[]
): Pick<Example, 'url' | 'inspector' | 'pid' | 'kill'> {
  let example: Example | undefined
  beforeAll(async () => {
    example = await Example.start(script, {}, args)
  })
  afterAll(() => example?.stop())
  return {
    get url() {
      return present(example).url
    },
    get inspector() {
      return present(example).inspector
    },
    pid: () => present(example).pid(),
    kill: () => present(example).kill(),
  }
}
