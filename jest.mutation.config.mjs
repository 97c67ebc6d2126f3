import config from './jest.config.mjs'

const [node] = config.projects

/** The quick tests of what is mutated: those that take long see nothing that these do not. */
export default {
  ...node,
  testMatch: [
    '<rootDir>/test/{shared,server,docs}/**/*.test.ts',
    '<rootDir>/test/integration/{endpoint,falsy-values,socket,request,close,cold-memory}.test.ts',
    '<rootDir>/test/threats/{acknowledgements,big-events,cookies,cookie-size,cookie-tossing,forged-tickets,inputs,many-parts,odd-input,origins,responses,retired-ids,tickets}.test.ts',
  ],
  testPathIgnorePatterns: ['purity', 'cookie-memory'],
}
