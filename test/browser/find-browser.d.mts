/** What it takes to start a Chromium. */
export interface FoundChromium {
  readonly executablePath: string
  readonly env: NodeJS.ProcessEnv
  readonly isBundled: boolean
}

export function chromiums(): readonly (() => Promise<FoundChromium>)[]
export function firefoxes(): readonly string[]
