/** A tab of a browser. */
export interface Page {
  goto(url: string): Promise<unknown>
  reload(): Promise<unknown>
  click(selector: string): Promise<void>
  /** The value of an expression, or of what it promises. */
  evaluate(expression: string): Promise<unknown>
  close(): Promise<void>
  /** A tab that a page has opened: only such a one may close itself. */
  openAnother(url: string): Promise<Page>
  /** Resolves when it has closed itself. */
  closed(): Promise<void>
}

/** Hears of what is thrown in the pages, or refused to them. */
export type OnError = (text: string) => void

/** What the libraries that drive browsers call alike. */
interface Driven {
  goto(url: string): Promise<unknown>
  reload(): Promise<unknown>
  click(selector: string): Promise<void>
  evaluate(expression: string): Promise<unknown>
  close(): Promise<void>
  once(event: 'close', listener: () => void): unknown
}

export function pageOf(driven: Driven, openAnother: Page['openAnother']): Page {
  return {
    goto: (url) => driven.goto(url),
    reload: () => driven.reload(),
    click: (selector) => driven.click(selector),
    evaluate: (expression) => driven.evaluate(expression),
    openAnother,
    close: () => driven.close(),
    closed: () => new Promise((resolve) => driven.once('close', () => resolve())),
  }
}

/** How a visitor's browser differs from one that was just installed. */
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

/** A browser that is driven, whichever it is. */
export interface Engine {
  open(conditions: Conditions, onError: OnError): Promise<Person>
  close(): Promise<void>
}
