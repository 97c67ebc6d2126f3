// Texts that are safe to print.

/** Returns the escape of a UTF-16 code unit in JSON and JavaScript. */
export function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Escapes untrusted text for a message: line ends or control characters in it must not forge lines in a log. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, escapeUnit)
}
