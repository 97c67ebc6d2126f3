export * from '../express/fields.js'
