/**
 * The code that both sides share: the declaration of the values, and its types. It is pure: servers, browsers and tests can import it.
 *
 * @module koa-live-session/fields
 */
export type * from './declaration.js'
export type * from './field-types.js'
export { defineFields } from './fields.js'
export type { JsonValue } from './json.js'
