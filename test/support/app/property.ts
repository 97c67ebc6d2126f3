import fc from 'fast-check'

/** Property tests use the same values in each run: `PROPERTY_SEED=n` gives others. */
fc.configureGlobal({ seed: Number(process.env['PROPERTY_SEED'] ?? 1) })

export { default as fc } from 'fast-check'
