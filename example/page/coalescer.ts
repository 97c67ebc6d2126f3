/**
 * Coalesces calls of a task: runs never overlap, and any number of calls during a run cause a single further run. A run begins after the
 * caller's turn, so that the caller's own messages go first.
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
