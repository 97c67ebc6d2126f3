import type Koa from 'koa'

/** Seconds that a restart takes at most. */
const RESTART = 5

/** Answers `POST /restart`, and ends the process in the hardest way: nothing can be saved on the way down. start.mjs starts it again. */
export function restart(ctx: Koa.Context): void {
  ctx.status = 202
  // For browsers without a script: the server is back by then.
  ctx.set('Refresh', `${RESTART}; url=/`)
  ctx.body = 'The server is restarting. The page comes back by itself.'
  ctx.res.once('close', () => process.kill(process.pid, 'SIGKILL'))
}
