/**
 * The declaration of your fields and its types: pure code, for servers, browsers and tests.
 *
 * @module koa-live-session/fields
 */
export type * from './declaration.js'
export { defineFields } from './fields.js'
export type { JsonValue } from './json.js'
export type * from './types.js'
