// The end of `harness/processes.mjs` in a process that is measured.

/** Says that it is ready, with what the bench is to know, and answers what it is asked. It ends with the bench. */
export function answerBench(ready, answers = {}) {
  const all = { usage, ...answers }
  process.on('message', async ({ question, given }) => process.send((await all[question](given)) ?? null))
  process.on('disconnect', () => process.exit())
  process.send(ready)
}

/** us of processor time, and bytes. */
export function usage() {
  const { user, system } = process.cpuUsage()
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { cpu: user + system, heap: heapUsed + external, rss }
}

export const listening = (http, port = 0) =>
  new Promise((resolve) => http.listen(port, '127.0.0.1', () => resolve({ port: http.address().port })))
