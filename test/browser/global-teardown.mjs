export default async function globalTeardown() {
  await globalThis.browserServer?.close()
}
