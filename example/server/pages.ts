import type Router from '@koa/router'
import type Koa from 'koa'
import type { Socket } from 'socket.io'
import { isViewPath, viewPaths } from '../protocol.js'
import { findUser } from '../users.js'
import { renderNewProject, renderNotFound, renderPage, renderTwo, renderView } from './render.js'

/** Serves each view as a page, two of them side by side, and the form of a new project. */
export function addPages(router: Router): void {
  for (const path of viewPaths) {
    router.get(path, async (ctx) => {
      ctx.type = 'html'
      ctx.body = await renderPage(ctx, path)
    })
  }
  router.get('/two', (ctx) => {
    ctx.type = 'html'
    ctx.body = renderTwo()
  })
  router.get('/new', async (ctx) => {
    ctx.type = 'html'
    ctx.body = await renderNewProject(ctx)
  })
}

export const notFound: Koa.Middleware = (ctx) => {
  ctx.status = 404
  ctx.type = 'html'
  ctx.body = renderNotFound(ctx)
}

/** Serves the same views over a socket. */
export function serveViews(socket: Socket): void {
  socket.on('view', (path: unknown, answer: unknown) => {
    if (typeof path !== 'string' || !isViewPath(path) || typeof answer !== 'function') return
    const { liveSession } = socket
    answer(renderView(path, liveSession.get('division'), findUser(liveSession.userId)))
  })
}
