import { type Purpose, SigningKeys } from '../../../server/subjects/signing-keys.js'

export interface CookieSigner {
  /** @default 'live' */
  readonly name?: string
  /** @default 'cookie' */
  readonly purpose?: Purpose
}

export function signedCookie(secret: string, payload: unknown, signer: CookieSigner = {}): string {
  const { name = 'live', purpose = 'cookie' } = signer
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const pair = `${name}=${Buffer.from(text).toString('base64')}`
  return `${pair}; ${name}.sig=${new SigningKeys([secret], purpose).sign(pair)}`
}

/** Reads a live cookie's payload from a Cookie or Set-Cookie header. */
export function readCookie(header: string, name = 'live'): Record<string, unknown> {
  const [text = ''] =
    header
      .split('; ')
      .find((pair) => pair.startsWith(`${name}=`))
      ?.slice(name.length + 1)
      .split(';') ?? []
  return JSON.parse(Buffer.from(text, 'base64').toString())
}
