const client = new URL('../../client/index.ts', import.meta.url).pathname // only in this repository

export default {
  build: { manifest: true, rollupOptions: { input: ['page.ts', 'style.css'] } },
  resolve: { alias: { 'koa-live-session/client': client } },
}
