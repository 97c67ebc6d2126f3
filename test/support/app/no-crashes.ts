import { runInThisContext } from 'node:vm'
import { afterEach, beforeEach, expect } from '@jest/globals'
import { turns } from './within.js'

/** The real `process`, because Jest's copy emits no crashes. */
const node: NodeJS.Process = runInThisContext('process')

/** Fails each test of this scope in which an error would have ended the process: an uncaught exception or an unhandled rejection. */
export function expectNoCrashes(): void {
  const crashes: string[] = []
  const crash = (error: unknown): number => crashes.push(String(error))
  beforeEach(() => void node.on('uncaughtException', crash).on('unhandledRejection', crash))
  afterEach(async () => {
    // Node reports unhandled rejections later.
    await turns(10)
    node.off('uncaughtException', crash).off('unhandledRejection', crash)
    expect(crashes.splice(0)).toEqual([])
  })
}
