import { tsImport } from 'tsx/esm/api'

/** What tests have already: `test/support`. */
export const support = (name) => tsImport(`../../test/support/${name}.ts`, import.meta.url)
