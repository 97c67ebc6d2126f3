import type { LaunchOptions } from 'puppeteer-core'

export function chromiums(): readonly (() => Promise<LaunchOptions>)[]
export function firefoxes(): readonly (() => Promise<LaunchOptions>)[]
