// A worker of Jest that has run many tests takes longer to free its memory than Jest waits: it would be ended by force, with a warning that
// tests leak. Freeing is of no use at the end. What a test has left open still keeps the worker, and is warned of.
if (process.env.JEST_WORKER_ID !== undefined) process.once('beforeExit', () => process.exit())
