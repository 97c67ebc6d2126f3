import config from './jest.config.mjs'

const [node] = config.projects

/** For each part the tests that are quick and about it: a thousand runs of all the others would tell nothing more. */
const tests = {
  shared: ['test/shared/*.test.ts', 'test/docs/*.test.ts'],
  signed: [
    'test/server/resolve-options.test.ts',
    'test/server/{cookie/cookie,http/origin,values/ticket}.test.ts',
    'test/docs/*.test.ts',
    'test/threats/{cookies,cookie-size,cookie-tossing,responses,tickets}.test.ts',
  ],
  endpoint: [
    'test/integration/{answers,bodies,endpoint,identity}.test.ts',
    'test/threats/{limits,origins,responses,tickets,users-only}.test.ts',
  ],
}[process.env.MUTATED]

// Stryker knows which test has run which code only with Jest's own runner and environment.
const { runtime, ...isolated } = node

export default {
  ...isolated,
  testRunner: 'jest-circus/runner',
  testEnvironment: 'node',
  testMatch: tests?.map((test) => `<rootDir>/${test}`),
  testPathIgnorePatterns: ['purity'],
  testTimeout: 2000,
}
