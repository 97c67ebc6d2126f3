// `npm run soak -- <name> [arguments]`: the long tests, for minutes to hours. Without a name, lists them.
import { spawnSync } from 'node:child_process'

interface Program {
  readonly takes: string
  readonly run: () => Promise<unknown>
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  faults: { takes: '[cycles] [seed]', run: () => import('./faults/main.js') },
  clicks: {
    takes: '[nowhere|Redis|PostgreSQL] [rounds] [seed] [at once]',
    run: () => import('./faults/clicks-main.js'),
  },
  leaving: {
    takes: '[program] [rounds] [nowhere|Redis] [nodes] [seed] [at once]',
    run: () => import('./faults/leaving-main.js'),
  },
  stalls: { takes: '[users] [devices|node|restart] [at once] [seed]', run: () => import('./faults/stalls-main.js') },
  defects: {
    takes: '[--first] [--recorded] [--from n] [--count n] [files]',
    run: () => import('../scripts/mutation/main.js'),
  },
}

/** Tests of `npm run test:all` with more inputs: the variable of their number, its default, the project and the file. */
const TESTS: Readonly<Record<string, readonly [variable: string, count: string, project: string, file: string]>> = {
  fuzz: ['FUZZ_INPUTS', '1000000', 'node', 'test/fuzz/fuzz'],
  simulate: ['SIMULATIONS', '100000', 'simulation', 'test/simulation/simulation'],
  schedules: ['SCHEDULES', '1,1000', 'browser', 'test/browser/schedules'],
}

const [name = '', ...given] = process.argv.slice(2)
const program = PROGRAMS[name]
const test = TESTS[name]
if (program) {
  process.argv.splice(2, 1)
  await program.run()
} else if (test) {
  const [variable, count, project, file] = test
  const env = { ...process.env, [variable]: given[0] ?? process.env[variable] ?? count }
  const jest = ['run', 'test:all', '--', '--selectProjects', project, '--testPathPatterns', file]
  process.exitCode = spawnSync('npm', jest, { stdio: 'inherit', env }).status ?? 1
} else {
  for (const [one, { takes }] of Object.entries(PROGRAMS)) console.log(`npm run soak -- ${one} ${takes}`)
  for (const [one, [, count]] of Object.entries(TESTS)) console.log(`npm run soak -- ${one} [${count}]`)
  process.exitCode = 1
}
