import { tsImport } from 'tsx/esm/api'

/** Imports a module of the tests from `test/support`. */
export const support = (name) => tsImport(`../../test/support/${name}.ts`, import.meta.url)
