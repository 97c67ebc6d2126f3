const closers: (() => unknown)[] = []

/** Calls `close` after each test. A hook of Jest would run only for the first file that loads the module. */
export function afterEachTest(close: () => unknown): void {
  closers.push(close)
}

export async function closeAll(): Promise<void> {
  for (const close of closers) await close()
}
