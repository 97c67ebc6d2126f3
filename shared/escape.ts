// Escapes text for JSON and for messages.

/** Returns the escape of a UTF-16 code unit in JSON and JavaScript. */
export function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Escapes line breaks and control characters in untrusted text, which could forge lines in a log. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, escapeUnit)
}
