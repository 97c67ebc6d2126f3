import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { isAll, ONLY_IN_ALL } from './test/runner/scope.mjs'

/** A folder for temporary files, which browsers and examples need too: one of ours where that of the machine is no good. */
function temporaryFolder() {
  const folder = resolve(tmpdir())
  try {
    rmdirSync(mkdtempSync(resolve(folder, 'live-session-')))
    return folder
  } catch {
    const own = resolve(import.meta.dirname, '.cache/tmp')
    mkdirSync(own, { recursive: true })
    return own
  }
}

process.env.TMPDIR = temporaryFolder()

/** The package by its own name, as its users import it, from source. */
const moduleNameMapper = {
  '^koa-live-session$': '<rootDir>/server/index.ts',
  '^koa-live-session/fields$': '<rootDir>/shared/index.ts',
  // In Node with all that can be said of mistakes.
  '^koa-live-session/client$': '<rootDir>/client/development/index.ts',
  '^koa-live-session/hook$': '<rootDir>/client/development/hook.ts',
  '^koa-live-session/socket$': '<rootDir>/client/development/socket.ts',
  '^koa-live-session/testing$': '<rootDir>/testing/index.ts',
  '^koa-live-session/(react|vue)$': '<rootDir>/client/$1.ts',
  '^koa-live-session/store$': '<rootDir>/server/store/index.ts',
  '^koa-live-session/redis$': '<rootDir>/server/store/redis.ts',
  '^koa-live-session/sql$': '<rootDir>/server/store/sql/index.ts',
  '^(\\.{1,2}/.*)\\.js$': '$1',
}

/** The browser tests that run again with the small socket in place of socket.io-client. */
const WITH_EACH_SOCKET = [
  'address-consent',
  'back',
  'bare-sockets',
  'blocked-sockets',
  'deployment',
  'failing-posts',
  'filter',
  'first-tabs',
  'frozen-tabs',
  'left-sign-ins',
  'lost-visitor',
  'newer-html',
  'restored-tabs',
  'shown-again',
  'sign-in',
  'stored-visitor',
  'tab-frames',
  'tab-values',
  'tabs',
  'updates',
  'visitors',
  'withheld-cookies',
]

const leftOut = isAll ? [] : ONLY_IN_ALL

const base = {
  cacheDirectory: '<rootDir>/.cache/jest',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: { '\\.tsx?$': '<rootDir>/test/runner/transform.mjs' },
  moduleNameMapper,
  testRunner: '<rootDir>/test/runner/runner.mjs',
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/'],
  testPathIgnorePatterns: leftOut,
  restoreMocks: true,
}

export default {
  testSequencer: '<rootDir>/test/runner/sequencer.mjs',
  reporters: ['default', '<rootDir>/test/runner/skipped-reporter.mjs'],
  // For what hangs, not for what is slow: no machine is so slow or busy that a test takes as long. Some have a longer one.
  testTimeout: 180_000,
  // Each worker compiles the code again, so more of them only cost.
  maxWorkers: availableParallelism(),
  // A worker that has grown large takes so long to end that Jest ends it by force, and says that tests leak.
  workerIdleMemoryLimit: '768MB',
  projects: [
    {
      ...base,
      displayName: 'node',
      testEnvironment: 'node',
      testMatch: ['<rootDir>/test/**/*.test.{ts,tsx}'],
      testPathIgnorePatterns: ['/test/client/', '/test/browser/', '/test/simulation/', ...leftOut],
    },
    {
      ...base,
      displayName: 'simulation',
      testEnvironment: 'node',
      testMatch: ['<rootDir>/test/simulation/**/*.test.ts'],
    },
    {
      ...base,
      displayName: 'client',
      testEnvironment: 'jsdom',
      // The frameworks' builds for Node: those for bundlers do not run as they are.
      testEnvironmentOptions: { customExportConditions: ['node'] },
      testMatch: ['<rootDir>/test/client/**/*.test.{ts,tsx}'],
    },
    {
      ...base,
      displayName: 'browser',
      testEnvironment: 'node',
      testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
      globalSetup: '<rootDir>/test/browser/global-setup.mjs',
    },
    ...(isAll
      ? [
          {
            ...base,
            displayName: 'small-socket',
            testEnvironment: 'node',
            testMatch: [`<rootDir>/test/browser/(${WITH_EACH_SOCKET.join('|')}).test.ts`],
            globals: { PAGE_SOCKET: 'small' },
            globalSetup: '<rootDir>/test/browser/global-setup.mjs',
          },
        ]
      : []),
  ],
}
