const afterTests: (() => unknown)[] = []
const afterFiles: (() => unknown)[] = []

/** Closes after each test what a support module has opened. A hook of Jest's would hold for the first file that loads the module. */
export function afterEachTest(close: () => unknown): void {
  afterTests.push(close)
}

/** As `afterEachTest`, after the last test of each file. */
export function afterEachFile(close: () => unknown): void {
  afterFiles.push(close)
}

export async function closeTest(): Promise<void> {
  for (const close of afterTests) await close()
}

export async function closeFile(): Promise<void> {
  for (const close of afterFiles) await close()
}
