import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import ts from 'typescript'
import { TAB_AUTH } from '../../shared/protocol.js'

const filesIn = (folder: string, ending: RegExp): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => ending.test(path))

/** Other packages whose names the documents use. */
const PACKAGES = [
  ...['@koa/router', '@types/express', '@types/koa', '@types/node', 'engine.io', 'fastify', 'koa', 'koa-session'],
  ...['kysely', 'mysql2', 'redis', 'socket.io', 'socket.io-client', 'typescript/lib', 'vite/dist'],
  ...['@fastify/cookie', '@fastify/session', '@socket.io/redis-adapter', '@socket.io/redis-streams-adapter'],
]
/** Names of systems without types here: web servers, process managers, compilers, other languages. */
const OTHERS = new Set([
  ...['proxy_add_x_forwarded_for', 'proxy_pass', 'large_client_header_buffers', 'http_host'],
  ...[
    'RealtimeClient',
    'ResponseFieldSize',
    'LimitRequestFieldSize',
    'tune',
    'bufsize',
    'form_post',
    'server_login_retry',
  ],
  ...['TimeoutStopSec', 'terminationGracePeriodSeconds', 'stop_grace_period', 'kill_timeout', 'Dockerfile'],
  ...['get_session', 'Phoenix', 'PubSub', 'configure_session', 'clear_session', 'live_socket_id'],
  ...['esnext', 'disposable', 'instrument', 'typedoc', 'CHROME_PATH', 'FIREFOX_PATH', 'defects', 'jsonl', 'ts'],
])

const PROTOCOLS = [
  'docs/maintainers/protocol.md',
  ...['client', 'server'].flatMap((folder) => filesIn(folder, /protocol\.md$/)),
]
const GUIDES = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'bench/README.md', 'test/README.md', 'test/threats/README.md'],
  ...filesIn('docs', /\.md$/).filter((path) => !path.startsWith('docs/api/') && !PROTOCOLS.includes(path)),
]

/** All identifiers of TypeScript files, and the words in their texts. */
function wordsOf(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.flatMap((path) => readFileSync(path, 'utf8').match(WORDS) ?? []))
}

const WORDS = /[A-Za-z_$][\w$]*/g
const CODE = /^ *```.*?^ *```$/gms
const spansIn = (markdown: string): readonly string[] =>
  [...markdown.replace(CODE, '').matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)

/** The names in a code span that is a name, a chain of members or a call; none of another span. */
function namesIn(span: string): readonly string[] {
  const [, chain = ''] = /^(?:await |new )?([A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*)\??(?:\(.*\))?$/.exec(span) ?? []
  return chain === '' ? [] : chain.split('.')
}

/** The members that a code span or block gives to a message: `{ who?, results: [] }` has two, and `group: text` one. */
function membersIn(text: string): readonly string[] {
  const shapes = [...text.matchAll(/\{([^{}]*)\}/g)].flatMap(([, inner = '']) =>
    [...inner.replace(/\[.*?\]/g, '[]').matchAll(/(?:^|,)\s*([a-z]\w*)\??\s*(?=[:,]|$)/g)].map(([, name = '']) => name),
  )
  const [, first] = /^([a-z]\w*)\??: /.exec(text) ?? []
  return first === undefined ? shapes : [first, ...shapes]
}

/** The members of messages, and the options of fields and apps, which the protocol writes in the same form. */
function knownMembers(): ReadonlySet<string> {
  const keys = new Set<string>([TAB_AUTH])
  const visit = (node: ts.Node): void => {
    if (ts.isPropertySignature(node) || ts.isNamedTupleMember(node)) keys.add(node.name.getText())
    node.forEachChild(visit)
  }
  for (const file of ['shared/protocol.ts', 'shared/types.ts', 'server/types/options.ts', 'server/types/session.ts'])
    visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true))
  return keys
}

const CODE_FILES = ['server', 'client', 'shared', 'testing'].flatMap((folder) => filesIn(folder, /\.tsx?$/))
const own = wordsOf(CODE_FILES)
const others = wordsOf(PACKAGES.flatMap((name) => filesIn(`node_modules/${name}`, /\.d\.[cm]?ts$/)))

const samples = new Set([
  ...(GUIDES.flatMap((page) => readFileSync(page, 'utf8').match(CODE) ?? [])
    .join('\n')
    .match(WORDS) ?? []),
  ...wordsOf(filesIn('example', /(?<!\.d)\.tsx?$/)),
])

/** Returns the names in a document's prose that neither the code, a sample nor another package has. */
function unknownIn(markdown: string, isName: (span: string) => boolean): readonly string[] {
  const isKnown = (name: string): boolean =>
    own.has(name) ||
    others.has(name) ||
    samples.has(name) ||
    OTHERS.has(name.replace('$', '')) ||
    /^TS\d{4}$/.test(name)
  return spansIn(markdown).filter((span) => isName(span) && !existsSync(span) && !namesIn(span).every(isKnown))
}

/** Whether a code span looks like a name of code: a call, a chain, or a word with a capital or `_` inside. */
const isCode = (span: string): boolean => /^\w.*[.(A-Z_]/.test(span)

describe('a name in', () => {
  it.each(GUIDES)('exists: %s', (page) => {
    expect(unknownIn(readFileSync(page, 'utf8'), isCode)).toEqual([])
  })

  it.each(PROTOCOLS)('exists, even a plain word: %s', (page) => {
    expect(unknownIn(readFileSync(page, 'utf8'), () => true)).toEqual([])
  })

  it.each(['`live.revokeAll(id)`', '`revokeAllNow`', '`ctx.liveSession.takeFlashes()`', '`user_only`'])(
    'is found if it does not exist: %s',
    (markdown) => expect(unknownIn(markdown, isCode)).toHaveLength(1),
  )
})

/** The members of each class and interface of the code. */
function membersOfClasses(): ReadonlyMap<string, ReadonlySet<string>> {
  const classes = new Map<string, Set<string>>()
  const visit = (node: ts.Node): void => {
    if ((ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) && node.name) {
      const members = classes.get(node.name.text) ?? new Set()
      for (const { name } of node.members) if (name) members.add(name.getText())
      classes.set(node.name.text, members)
    }
    node.forEachChild(visit)
  }
  for (const file of CODE_FILES)
    visit(ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true))
  return classes
}

describe('a class in the architecture', () => {
  it('has the named member', () => {
    const classes = membersOfClasses()
    const named = spansIn(readFileSync('docs/maintainers/architecture.md', 'utf8')).flatMap((span) => {
      const [, name, member] = /^([A-Z]\w+)\.(\w+)/.exec(span) ?? []
      return name !== undefined && member !== undefined ? [{ name, member }] : []
    })
    expect(named.length).toBeGreaterThan(20)
    expect(named.filter(({ name, member }) => !classes.get(name)?.has(member))).toEqual([])
  })
})

/** Whether a path of a code span exists: written from the root or a folder of the code, perhaps without its ending. */
function isPath(path: string): boolean {
  const places = ['', 'server/', 'client/', 'test/', 'server/features/', 'node_modules/']
  const endings = ['', '.ts', '.test.ts']
  return places.some((place) => endings.some((ending) => existsSync(place + path + ending)))
}

/** Entries of this package, packages that only readers install, functions of Elixir and media types. */
const NO_PATH = /^koa-live-session\/|^@(koa|babel)\/|\/\d$|^application\//

describe('a path in', () => {
  it.each([...GUIDES, ...PROTOCOLS])('exists: %s', (page) => {
    const paths = spansIn(readFileSync(page, 'utf8')).filter((span) => /^[\w@.-]+(\/[\w.-]+)+\/?$/.test(span))
    expect(paths.filter((path) => !NO_PATH.test(path) && !isPath(path))).toEqual([])
  })
})

describe('a member in', () => {
  const keys = knownMembers()

  it.each(PROTOCOLS)('is a key of a message: %s', (page) => {
    const text = readFileSync(page, 'utf8')
    const blocks = [...text.matchAll(/^```\n(.*?)^```$/gms)].map(([, block = '']) => block)
    const members = [...spansIn(text), ...blocks].flatMap(membersIn)
    expect(members.filter((name) => !keys.has(name))).toEqual([])
  })

  it('is found in a shape, and before a colon', () => {
    expect(membersIn('{ who?, results: [a, b], end }')).toEqual(['who', 'results', 'end'])
    expect(membersIn('unvisited: { key: value }')).toEqual(['unvisited', 'key'])
  })
})
