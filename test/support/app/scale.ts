import { isAll } from '../../runner/scope.mjs'

/** Returns `all` in `npm run test:all`, and otherwise the smaller count. */
export function atScale<T>(small: T, all: T): T {
  return isAll ? all : small
}
