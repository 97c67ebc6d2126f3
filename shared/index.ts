export type * from './field-types.js'
export { defineFields } from './fields.js'
export type { JsonValue } from './json.js'
