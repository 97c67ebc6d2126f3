import type Koa from 'koa'

/** Maximum seconds of a restart. */
const RESTART = 5

/** Answers `POST /restart`, and kills the process without a chance to save anything. start.mjs restarts it. */
export function restart(ctx: Koa.Context): void {
  ctx.status = 202
  // Without a script, the browser loads the page again after this time, by which the server is back.
  ctx.set('Refresh', `${RESTART}; url=/`)
  ctx.body = 'The server is restarting. The page comes back by itself.'
  ctx.res.once('close', () => process.kill(process.pid, 'SIGKILL'))
}
