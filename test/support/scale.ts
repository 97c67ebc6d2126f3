/** How much of something a test tries: what shows it in seconds, or all of it where `npm run test:all` asks for that. */
export function atScale<T>(small: T, all: T): T {
  return process.env['LIVE_SESSION_TEST_ALL'] === '1' ? all : small
}
