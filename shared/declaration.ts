// The interface that apps augment with the types of their fields.

/**
 * Augment this interface once with your types, which `ctx.liveSession`, `socket.liveSession` and the page's client then use.
 *
 * @example
 * declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } }
 */
// biome-ignore lint/suspicious/noEmptyInterface: users augment it
export interface Register {}
