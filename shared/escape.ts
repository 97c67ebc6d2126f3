/** A UTF-16 code unit as JSON and JavaScript write it where it shall not stand itself. */
export function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Text from outside in a message: without line ends or escapes that would write lines of their own into a log. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, escapeUnit)
}
