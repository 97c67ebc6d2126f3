/**
 * Makes a function that has a task done, one run at a time: asked again meanwhile, however often, it runs once more.
 * It begins only after the caller is through, so that what the caller sends goes first.
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
