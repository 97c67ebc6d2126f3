import { startLostClicks } from './start.js'

/** `npm run start:comparison` */
const page = await startLostClicks(Number(process.env['PORT'] ?? 3000))
console.log(`One app twice, each on two nodes: written by hand, and with koa-live-session.
Click, kill nodes, and compare how many clicks each app loses: ${page.url}`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void page.stop().then(() => process.exit()))
