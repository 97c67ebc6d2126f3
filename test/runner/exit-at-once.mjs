// After many tests, a Jest worker needs longer to free its memory than Jest waits, so Jest would kill the worker and warn of leaking tests.
// Exits without freeing memory. A resource that a test left open still keeps the worker alive, and still causes the warning.
if (process.env.JEST_WORKER_ID !== undefined) process.once('beforeExit', () => process.exit())
