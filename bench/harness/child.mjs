// The counterpart of `harness/processes.mjs` in a measured process.

/** Reports readiness, with data for the bench, and answers the bench's questions. The process ends with the bench. */
export function answerBench(ready, answers = {}) {
  const all = { usage, ...answers }
  process.on('message', async ({ question, given }) => process.send((await all[question](given)) ?? null))
  process.on('disconnect', () => process.exit())
  process.send(ready)
}

/** Returns the CPU time in us, and the memory in bytes. */
export function usage() {
  const { user, system } = process.cpuUsage()
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { cpu: user + system, heap: heapUsed + external, rss }
}

export const listening = (http, port = 0) =>
  new Promise((resolve) => http.listen(port, '127.0.0.1', () => resolve({ port: http.address().port })))
