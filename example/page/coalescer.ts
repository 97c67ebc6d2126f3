/**
 * Returns a function that runs a task, one run at a time: however often it is called meanwhile, the task runs once more.
 * A run begins only after the caller has finished, so that what the caller sends goes first.
 */
export function coalesce(task: () => Promise<void>): () => void {
  let isAsked = false
  let isRunning = false
  const run = async (): Promise<void> => {
    isRunning = true
    await Promise.resolve()
    while (isAsked) {
      isAsked = false
      await task().catch(console.error)
    }
    isRunning = false
  }
  return () => {
    isAsked = true
    if (!isRunning) void run()
  }
}
