export { page } from '../express/page.js'
