// The interface that an app augments with its types.

/**
 * The interface to augment once with your types: `ctx.liveSession`, `socket.liveSession` and the page's client get keys and values from it.
 *
 * @example
 * declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } }
 */
// biome-ignore lint/suspicious/noEmptyInterface: users augment it
export interface Register {}
