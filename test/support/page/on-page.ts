import { expect } from '@jest/globals'
import type { Frame, Page } from 'puppeteer-core'
import { within } from '../app/within.js'

/** Returns a selector of the elements with this role and exactly this accessible name. */
export const named = (role: string, name: string): string => `::-p-aria([name="${name}"][role="${role}"])`

/** Clicks with the mouse, as soon as the element is there, shown and enabled. */
export const click = (page: Page | Frame, selector: string): Promise<void> => page.locator(selector).click()

/** Replaces the text of a field in a single step. */
export async function fill(page: Page, selector: string, text: string): Promise<void> {
  await page.$eval(selector, (field) => field instanceof HTMLInputElement && field.select())
  if (text === '') await page.keyboard.press('Backspace')
  else await page.keyboard.sendCharacter(text)
}

/** Resolves when an expression has this value in the page; while the page is being left, the expression has none. */
export async function is(page: Page | Frame, expression: string, wanted: unknown): Promise<void> {
  const look = (): Promise<unknown> => page.evaluate(expression).catch(() => undefined)
  const isSo = (found: unknown): boolean => JSON.stringify(found) === JSON.stringify(wanted)
  expect([expression, await within(look, isSo)]).toEqual([expression, wanted])
}

/** Resolves when an element is visible or, as wanted, invisible. Puppeteer would call the content of a closed `<details>` visible. */
export const isVisible = (page: Page, selector: string, wanted: boolean): Promise<void> =>
  is(page, `document.querySelector('${selector}')?.checkVisibility() === true`, wanted)

/** Resolves when the page of this URL has loaded or, kept by the browser, is shown again. */
export const isAt = (page: Page, url: string): Promise<void> =>
  is(page, '[location.href, document.readyState]', [url, 'complete'])

/** Resolves when a visible element of this selector has this text. */
export async function shows(page: Page | Frame, selector: string, text: string | RegExp): Promise<void> {
  const isSo = (texts: readonly string[]): boolean =>
    texts.some((found) => (typeof text === 'string' ? found.includes(text) : text.test(found)))
  const found = await within(() => textsOf(page, selector).catch(() => []), isSo)
  if (!isSo(found)) throw new Error(`expected ${text} in ${selector}, received ${JSON.stringify(found)}`)
}

/** Returns the texts of the visible elements of this selector, without white space around them. */
export async function textsOf(page: Page | Frame, selector: string): Promise<string[]> {
  return page.$$eval(selector, (all) =>
    all
      .filter((element) => element.checkVisibility())
      .map(({ textContent }) => textContent.replace(/\s+/g, ' ').trim()),
  )
}

/** Returns the text of the first element of this selector, visible or not. */
export const textOf = (page: Page | Frame, selector: string): Promise<string> =>
  page.$eval(selector, ({ textContent }) => textContent.trim())

export const controlValue = (page: Page | Frame, selector: string): Promise<unknown> =>
  page.$eval(selector, (control) => 'value' in control && control.value)

/** Returns the HTML that the server sends to the page's browser now. */
export const htmlOf = (page: Page): Promise<string> =>
  page.evaluate("fetch('').then((answer) => answer.text())").then(String)
