import { startLostClicks } from './start.js'

/** `npm run start:comparison` */
const page = await startLostClicks(Number(process.env['PORT'] ?? 3000))
console.log(page.url)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void page.stop().then(() => process.exit()))
