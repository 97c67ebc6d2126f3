// A worker of Jest that has run many tests takes longer to free its memory than Jest waits: it would be ended by force, with a warning that
// tests leak. Freeing is of no use at the end. A handle left open by a test still keeps the worker, with a warning.
if (process.env.JEST_WORKER_ID !== undefined) process.once('beforeExit', () => process.exit())
