/** `npm run mutation`: changes the code in a thousand small ways, and sees whether the tests notice. Takes an hour or so. */
export default {
  mutate: [
    'shared/{budget,field,fields,json,parse,register,replica,stamp}.ts',
    'server/{body,cookie,cookie-size,endpoint,keys,origin,redeem,remote,ticket}.ts',
  ],
  testRunner: 'jest',
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  jest: { projectType: 'custom', configFile: 'jest.mutation.config.mjs', enableFindRelatedTests: false },
  coverageAnalysis: 'perTest',
  ignoreStatic: true,
  concurrency: 2,
  timeoutMS: 4000,
  tempDirName: '.cache/stryker',
  cleanTempDir: 'always',
  reporters: ['clear-text', 'progress', 'html'],
  clearTextReporter: { logTests: false, reportTests: false },
  htmlReporter: { fileName: '.cache/mutation.html' },
  thresholds: { high: 95, low: 85, break: 85 },
}
