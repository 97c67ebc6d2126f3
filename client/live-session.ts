// Creates the client from the app's options, and finds the snapshot of `embed()` in the page.

import { type AnySnapshot, DEFAULT_ENDPOINT } from '../shared/protocol.js'
import type { Fields } from '../shared/types.js'
import { embedded } from './browser/embed.js'
import { createBrowserEnvironment } from './browser/environment.js'
import type { CreatePoster } from './browser/post.js'
import { createClient } from './client.js'
import { beginPage, isSnapshot, parseHtml } from './core/html.js'
import type { Page, Plain } from './core/page.js'
import type { ErrorTexts } from './error.js'
import type { LiveSessionClient, LiveSessionClientOptions } from './types.js'

/** By endpoint, the newest client's page in this document. */
export const pages: Map<string, Page> = new Map()

/** Creates a client with these texts of errors and this way to POST. */
export function create<F extends Fields>(
  options: LiveSessionClientOptions<F>,
  texts: ErrorTexts,
  poster: CreatePoster,
): LiveSessionClient<F> {
  const { socket, endpoint = DEFAULT_ENDPOINT, initial: given, ...how } = options
  const posts = { endpoint, ...how }
  const html = given ?? embedded()
  const initial = (typeof html === 'string' ? parseHtml(html) : html) as AnySnapshot | Plain | undefined
  const { document, location } = globalThis
  // On a server, each client has another visitor, so no client continues a former page.
  const page = beginPage(initial, !!socket, html, document && pages.get(endpoint))
  if (document) pages.set(endpoint, page)
  return createClient(
    page,
    (dispatch) => createBrowserEnvironment(socket, posts, poster, dispatch, page),
    texts,
    { socket, posts, initial: isSnapshot(initial) ? initial : undefined },
    // In a page, begin: send outboxes and ask for the visitor. Elsewhere, begin only if the values must come from an endpoint's full URL.
    !!location || (!initial && !socket && endpoint.includes('://')),
  )
}
