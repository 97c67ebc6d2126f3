import { isAll } from './scope.mjs'

/** What a run of everything (`npm run test:all`) takes, and a smaller count for each change. */
export function atScale<T>(small: T, all: T): T {
  return isAll ? all : small
}
