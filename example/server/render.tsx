import type Koa from 'koa'
import type { Device } from 'koa-live-session'
import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import type { RenderedView, ViewPath } from '../protocol.js'
import type { User } from '../users.js'
import { Account } from '../views/account.js'
import { Devices } from '../views/devices.js'
import { NewProject } from '../views/new-project.js'
import { NotFound } from '../views/not-found.js'
import { Page } from '../views/page.js'
import { Two } from '../views/two.js'
import { views } from '../views/view.js'
import { signedIn } from './account.js'
import { inspectorPath } from './inspector.js'

/** Renders a view for an open page. */
export function renderView(path: ViewPath, division: number, user: User | undefined): RenderedView {
  const { title, Content } = views[path]
  return {
    path,
    title: pageTitle(title),
    html: renderToString(<Content division={division} />),
    account: renderToString(<Account user={user} />),
    division,
  }
}

/** Renders the same view as a whole page: for a full load, a deep link, or a browser without a script. */
export async function renderPage(ctx: Koa.Context, path: ViewPath): Promise<string> {
  const { title, Content } = views[path]
  const messages = (await ctx.liveSession.takeFlash()).map(String)
  return document(ctx, path, title, <Content division={ctx.liveSession.get('division')} />, messages)
}

/** Renders the user's devices, if known. */
export async function renderDevices(ctx: Koa.Context, devices: readonly Device[] | undefined): Promise<string> {
  const messages = (await ctx.liveSession.takeFlash()).map(String)
  return document(ctx, '', 'Devices', <Devices isSignedIn={signedIn(ctx) !== undefined} devices={devices} />, messages)
}

/** Renders the form of a new project. Only the snapshot has the tab's values, as sent by the tab before a navigation. */
export async function renderNewProject(ctx: Koa.Context): Promise<string> {
  const messages = (await ctx.liveSession.takeFlash()).map(String)
  const { step, projectName } = ctx.liveSession.snapshot().values
  return document(ctx, '', 'New project', <NewProject step={step} name={projectName} />, messages)
}

/** Renders two tabs side by side. */
export function renderTwo(): string {
  return `<!doctype html>${renderToString(<Two />)}`
}

export function renderNotFound(ctx: Koa.Context): string {
  return document(ctx, '', 'Not found', <NotFound />)
}

function document(
  ctx: Koa.Context,
  path: string,
  title: string,
  content: VNode,
  messages: readonly string[] = [],
): string {
  const { liveSession } = ctx
  const page = (
    <Page
      path={path}
      title={pageTitle(title)}
      division={liveSession.get('division')}
      theme={liveSession.get('theme')}
      user={signedIn(ctx)}
      messages={messages}
      inspector={inspectorPath()}
      embedded={liveSession.embed()}
    >
      {content}
    </Page>
  )
  return `<!doctype html>${renderToString(page)}`
}

function pageTitle(title: string): string {
  return `${title} · ControlManiac`
}
