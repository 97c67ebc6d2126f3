// An import alone would be dropped: package.json declares that no module has side effects.
export { live } from '../express/browser.js'
