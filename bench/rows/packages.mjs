/** The versions of the session libraries to compare with. */
export const SESSIONS = {
  express: '5.3.0',
  'express-session': '1.19.0',
  'connect-redis': '10.0.0',
  'iron-session': '9.0.1',
  'better-auth': '1.7.25',
}
