/**
 * `npm run mutation:operators`: changes the code in some thousand small ways, and sees whether the tests notice. Takes an hour.
 *
 * Known to survive: what only saves work or memory (a guard before a search that would find nothing), the wording and the `cause` of
 * refusals, and what is there for the types alone.
 */
export default {
  mutate: {
    shared: ['shared/{budget,field,fields,json,parse,register,replica,stamp}.ts'],
    signed: [
      'server/cookie/{cookie,size}.ts',
      'server/subjects/signing-keys.ts',
      'server/http/origin.ts',
      'server/values/ticket.ts',
    ],
    endpoint: [
      'server/http/{body,endpoint}.ts',
      'server/exchange/verify-tickets.ts',
      'server/exchange/page-changes.ts',
    ],
  }[process.env.MUTATED],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: { projectType: 'custom', configFile: 'jest.mutation.config.mjs', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 4000,
  tempDirName: `.cache/stryker-${process.env.MUTATED}`,
  reporters: ['clear-text', 'progress', 'html'],
  clearTextReporter: { logTests: false, reportTests: false },
  htmlReporter: { fileName: `.cache/mutation-${process.env.MUTATED}.html` },
  thresholds: { high: 95, low: 85, break: 85 },
}
