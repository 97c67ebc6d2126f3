/** A tab of a browser. */
export interface Page {
  goto(url: string): Promise<unknown>
  reload(): Promise<unknown>
  click(selector: string): Promise<void>
  /** Resolves with the value of an expression, or of its promise. */
  evaluate(expression: string): Promise<unknown>
  close(): Promise<void>
  /** Ends without a word to its scripts, where the browser can be made to do so; elsewhere it is closed. */
  crash(): Promise<void>
  /** Opens a tab from the page: only such a tab may close itself. */
  openAnother(url: string): Promise<Page>
  /** Resolves when it has closed itself. */
  closed(): Promise<void>
}

/** Called with errors thrown in pages, and with refusals to them. */
export type OnError = (text: string) => void

/** The methods that have the same name in all libraries that drive browsers. */
interface Driven {
  goto(url: string): Promise<unknown>
  reload(): Promise<unknown>
  click(selector: string): Promise<void>
  evaluate(expression: string): Promise<unknown>
  close(): Promise<void>
  once(event: 'close', listener: () => void): unknown
}

export function pageOf(driven: Driven, openAnother: Page['openAnother'], crash = () => driven.close()): Page {
  return {
    goto: (url) => driven.goto(url),
    reload: () => driven.reload(),
    click: (selector) => driven.click(selector),
    evaluate: (expression) => driven.evaluate(expression),
    openAnother,
    close: () => driven.close(),
    crash,
    closed: () => new Promise((resolve) => driven.once('close', () => resolve())),
  }
}

/** How a visitor's browser differs from a newly installed one. */
export interface Conditions {
  /** Runs in each page before its own scripts. */
  readonly script?: string
  /** @default true */
  readonly hasCookies?: boolean
}

/** A visitor's browser: its own cookies and storage. */
export interface Person {
  newPage(): Promise<Page>
  close(): Promise<void>
}

/** A driven browser of any kind. */
export interface Engine {
  open(conditions: Conditions, onError: OnError): Promise<Person>
  close(): Promise<void>
}
