const transform = {
  '^.+\\.tsx?$': [
    '@swc/jest',
    {
      swcrc: false,
      jsc: {
        parser: { syntax: 'typescript', tsx: true },
        target: 'es2023',
        transform: { react: { runtime: 'automatic', importSource: 'preact' } },
      },
      module: { type: 'es6' },
      sourceMaps: 'inline',
    },
  ],
}

/** The package by its own name, as its users import it, from source. */
const moduleNameMapper = {
  '^koa-live-session$': '<rootDir>/server/index.ts',
  '^koa-live-session/fields$': '<rootDir>/shared/index.ts',
  '^koa-live-session/(client|testing)$': '<rootDir>/$1/index.ts',
  '^koa-live-session/(react|vue)$': '<rootDir>/client/$1.ts',
  '^(\\.{1,2}/.*)\\.js$': '$1',
}

const base = {
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform,
  moduleNameMapper,
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.cache/'],
}

export default {
  // For what hangs, not for what is slow: no machine is so slow or busy that a test takes as long. No test has another limit.
  testTimeout: 180_000,
  maxWorkers: '100%',
  projects: [
    {
      ...base,
      displayName: 'node',
      testEnvironment: 'node',
      testMatch: ['<rootDir>/test/**/*.test.{ts,tsx}'],
      testPathIgnorePatterns: ['/test/client/', '/test/browser/', '/test/simulation/'],
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
      globalTeardown: '<rootDir>/test/browser/global-teardown.mjs',
    },
  ],
}
