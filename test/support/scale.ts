/** What a run of everything (LIVE_SESSION_TEST_ALL=1) takes, and a smaller count for each change. */
export function atScale<T>(small: T, all: T): T {
  return process.env['LIVE_SESSION_TEST_ALL'] === '1' ? all : small
}
