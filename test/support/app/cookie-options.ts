/** The resolved options of a live cookie, as by default over http. */
export const COOKIE_OPTIONS = {
  name: 'live',
  maxAge: 2_678_400_000,
  endsWithBrowser: false,
  sameSite: 'lax',
  secure: undefined,
  domain: undefined,
  partitioned: false,
} as const
