/** The order of `server/`: a file may import from its own place and from those before. */
const ORDER = [
  'subjects/',
  'settings/',
  'memory/',
  'ends/',
  'values/',
  'cookie/',
  'identity/',
  'store/|nodes\\.ts',
  'exchange/',
  'feature\\.ts',
  'connections/|http/',
  'features/',
]

/**
 * The folder rules of docs/maintainers/architecture.md, types included. `npm run lint` checks them.
 * @type {import('dependency-cruiser').IConfiguration}
 */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles-of-files',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...ORDER.slice(0, -1).map((places, at) => ({
      name: `server-order-of-${places}`,
      severity: 'error',
      from: { path: `^server/(${places})` },
      to: { path: `^server/(${ORDER.slice(at + 1).join('|')})` },
    })),
    {
      name: 'parts-without-core',
      comment: 'Each part names what it uses. Only the core knows all parts.',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/plugin\\.ts$' },
      to: { path: '^server/core\\.ts$' },
    },
    {
      name: 'types-of-types',
      comment: 'The types that apps see are below all folders.',
      severity: 'error',
      from: { path: '^server/types/' },
      to: { path: '^server/', pathNot: '^server/(types|subjects)/|/types\\.ts$' },
    },
    {
      name: 'shared-runs-anywhere',
      severity: 'error',
      from: { path: '^shared/' },
      to: { pathNot: ['^shared/', '^node_modules/@standard-schema/spec/'] },
    },
    {
      name: 'client-is-for-browsers',
      severity: 'error',
      from: { path: '^client/' },
      to: { pathNot: ['^client/', '^shared/', '^node_modules/((@types/)?react|vue)/'] },
    },
    {
      name: 'a-framework-in-its-file-only',
      severity: 'error',
      from: { path: '^client/(.+)\\.ts$' },
      to: { path: '^node_modules/((@types/)?react|vue)/', pathNot: '^node_modules/(@types/)?$1/' },
    },
    {
      name: 'core-is-pure',
      severity: 'error',
      from: { path: '^client/core/' },
      to: { pathNot: ['^client/core/', '^shared/'] },
    },
    { name: 'server-without-client', severity: 'error', from: { path: '^server/' }, to: { path: '^client/' } },
    {
      name: 'features-are-optional',
      comment: 'Only the files beside the folders of server/ may add features.',
      severity: 'error',
      from: { path: '^server/[^/]+/', pathNot: '^server/(features|types)/' },
      to: { path: '^server/features/' },
    },
    {
      name: 'no-feature-imports-another',
      severity: 'error',
      from: { path: '^server/features/([^/]+)/' },
      to: { path: '^server/features/[^/]+/', pathNot: '^server/features/$1/' },
    },
    {
      name: 'socket-io-in-its-places',
      comment: 'Other parts know a connection and its sockets by memory/link.ts.',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/(connections/(attach|link)|nodes|types/live)\\.ts$' },
      to: { path: '^node_modules/socket\\.io/' },
    },
    {
      name: 'sql-is-optional',
      severity: 'error',
      from: { path: '^server/', pathNot: '^server/store/sql/' },
      to: { path: ['^server/store/sql/', '^node_modules/kysely/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.build.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['types', 'import', 'default'] },
  },
}
