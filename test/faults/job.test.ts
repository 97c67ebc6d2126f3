import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, it } from '@jest/globals'

it('live.settled() keeps a job alive until its store is back', async () => {
  const job = join(process.cwd(), 'test/faults/job.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', job], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  expect([printed, code]).toEqual(['stored 1\n', 0])
})
