/**
 * Your one declaration of types, from which `ctx.liveSession`, `socket.liveSession` and the page's client know the keys and values.
 *
 * @example
 * declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } }
 */
// biome-ignore lint/suspicious/noEmptyInterface: users augment it
export interface Register {}
