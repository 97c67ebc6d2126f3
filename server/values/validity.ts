/**
 * The standing of a visitor, since a request or connection began, or of a signed cookie or ticket.
 *
 * | | may write values | may write the cookie |
 * |---|---|---|
 * | `current` | yes | yes |
 * | `left` | yes | no |
 * | `retired`, `revoked` | no | no |
 */
export type Validity =
  | 'current'
  /** The user has signed out in some browser. Without a cookie, it may have been this browser. */
  | 'left'
  /** The browser id is retired. */
  | 'retired'
  /** The user was revoked: earlier signatures are invalid. */
  | 'revoked'
