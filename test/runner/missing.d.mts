export function report(name: string, command: string, variable: string, reasons: readonly string[]): void
