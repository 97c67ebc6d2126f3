// In the build for browsers, replaces each export that needs Node by a function that throws.

/** Returns a function that throws, and explains that the test runner has resolved the build for browsers. */
function nodeOnly(name: string): () => never {
  return () => {
    throw new TypeError(
      `koa-live-session: ${name}: expected Node, received the build for browsers. Run this test in the environment "node"`,
    )
  }
}

export const cookieFor: () => never = nodeOnly('cookieFor')
export const emptyCache: () => never = nodeOnly('emptyCache')
export const memoryAppSession: () => never = nodeOnly('memoryAppSession')
export const memorySession: () => never = nodeOnly('memorySession')
export const storeContract: () => never = nodeOnly('storeContract')
