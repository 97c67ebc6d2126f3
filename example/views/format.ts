const euros = new Intl.NumberFormat('en-GB', { style: 'currency', currency: 'EUR', maximumFractionDigits: 0 })
const plain = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 })
const decimals = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const percents = new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: 0 })
const shares = new Intl.NumberFormat('en-GB', { style: 'percent', maximumFractionDigits: 1 })
// A due date is the same day everywhere, whatever the time zone of the server.
const dates = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })

export function money(amount: number): string {
  return euros.format(amount)
}

/** Formats an amount in thousands, with one decimal. */
export function thousands(amount: number): string {
  return decimals.format(amount / 1000)
}

export function percent(ratio: number): string {
  return percents.format(ratio)
}

/** Formats a percentage with one decimal, for small differences. */
export function share(ratio: number): string {
  return shares.format(ratio)
}

export function date(iso: string): string {
  return dates.format(new Date(iso))
}

/** Returns the text with an initial capital, as at the start of a label. */
export function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}

/** `1 project`, `2 projects`. */
export function count(amount: number, noun: string): string {
  return `${plain.format(amount)} ${noun}${amount === 1 ? '' : 's'}`
}
