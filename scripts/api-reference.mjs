// A TypeDoc plugin for `npm run docs:api`. Shows exports as declared in the source: the compiler's expansion of a type that depends on the
// app's fields is long, and says less. Documents inherited members and second exports only once. Lists all members of the three sessions,
// a line each, in members.md.
import { writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { Application, Converter, ReflectionKind, RendererEvent } from 'typedoc'
import { MarkdownTheme, MarkdownThemeContext } from 'typedoc-plugin-markdown'

const { ClassOrInterface, Function: FunctionKind, Module, Reference, Variable } = ReflectionKind
/** In the order in which readers look for them. */
const ORDER = [FunctionKind, Variable, ReflectionKind.Class, ReflectionKind.Interface, ReflectionKind.TypeAlias]
const NAMED = [ReflectionKind.Interface, ReflectionKind.TypeAlias]
const LABELS = { '@throws': 'Throws', '@returns': 'Returns' }

/** The sessions of an app, with the pages that document them. */
const SESSIONS = [
  ['`ctx.liveSession`, in a request', 'RequestSession', 'koa-live-session.md'],
  ['`socket.liveSession`, in a socket handler', 'SocketSession', 'koa-live-session.md'],
  ['`live`, in a page', 'LiveSessionClient', 'koa-live-session.client.md'],
]

/** By reflection, its declaration in the source. */
const declarations = new WeakMap()
/** By a type's name in the source, its exported name. */
const publicNames = new Map()

export function load(application) {
  const { converter, options, renderer } = application
  converter.on(Converter.EVENT_CREATE_SIGNATURE, (_, signature, node) => declarations.set(signature, node))
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    const [node] = context.getSymbolFromReflection(reflection)?.declarations ?? []
    declarations.set(reflection, node)
    if (reflection.kindOf(NAMED)) publicNames.set(node.name.text, reflection.name)
  })
  let members = ''
  // Runs after TypeDoc has determined inheritance.
  const finish = ({ project }) => {
    members = membersPage(project)
    removeInherited(project)
  }
  converter.on(Converter.EVENT_RESOLVE_END, finish, -1e6)
  renderer.on(RendererEvent.END, ({ outputDirectory }) =>
    writeFileSync(joinPath(outputDirectory, 'members.md'), members),
  )
  renderer.defineTheme('declared', DeclaredTheme)
  // TypeDoc reads the option `theme` only after this event.
  application.on(Application.EVENT_BOOTSTRAP_END, () => options.setValue('theme', 'declared'))
}

function membersPage(project) {
  const sections = SESSIONS.map(([title, name, page]) => {
    const { children } = project.getReflectionsByKind(ClassOrInterface).find((one) => one.name === name)
    const rows = children.flatMap(({ name: member, comment, signatures }) =>
      (signatures ?? [{ comment }]).map(({ parameters, comment: own }) => {
        const call = parameters ? `${member}(${parameters.map(parameterName).join(', ')})` : member
        return `| \`${call}\` | ${firstSentence(own ?? comment)} |`
      }),
    )
    return join([`## ${title}`, `[${name}](${page}#${name.toLowerCase()})`, `| | |\n| --- | --- |\n${rows.join('\n')}`])
  })
  return `${join(['# All members', ...sections])}\n`
}

function parameterName({ name, flags }) {
  return `${flags.isRest ? '...' : ''}${name}${flags.isOptional ? '?' : ''}`
}

function firstSentence(comment) {
  const text = comment.summary
    .map((part) => part.text)
    .join('')
    .replaceAll('\n', ' ')
  const [sentence] = /^.*?[.:](?=\s|$)/.exec(text) ?? [text]
  return sentence.replace(/:$/, '.').replaceAll('|', '\\|')
}

function removeInherited(project) {
  for (const { children = [] } of project.getReflectionsByKind(ClassOrInterface)) {
    for (const member of [...children]) if (member.inheritedFrom?.reflection) project.removeReflection(member)
  }
}

class DeclaredTheme extends MarkdownTheme {
  getRenderContext(page) {
    return new DeclaredContext(this, page, this.application.options)
  }
}

class DeclaredContext extends MarkdownThemeContext {
  constructor(theme, page, options) {
    super(theme, page, options)
    const { body } = this.partials
    this.partials.body = (model, given) => (model.kind === Module ? this.#entryPoint(model) : body(model, given))
  }

  #entryPoint({ children }) {
    const own = children.filter(({ kind }) => kind !== Reference)
    const rank = ({ kind }) => ORDER.indexOf(kind)
    own.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en'))
    return join([...own.map((member) => this.#member(member, '##')), this.#exportedAgain(children)])
  }

  #exportedAgain(children) {
    const targets = children.flatMap((child) => (child.kind === Reference ? child.tryGetTargetReflectionDeep() : []))
    const lines = [...new Set(targets.map(({ parent }) => parent))].map((page) => {
      const names = targets.filter(({ parent }) => parent === page).map(({ name }) => `\`${name}\``)
      return `- of [${page.name}](${this.urlTo(page)}): ${names.join(', ')}`
    })
    return lines.length === 0 ? '' : `## Also exported here\n\n${lines.join('\n')}`
  }

  #member(model, level) {
    const { children = [], comment, signatures = [] } = model
    const heading = `${level} ${nameOf(model)}${signatures.length > 0 ? '()' : ''}`
    const parts = signatures.map((signature) => this.#section(signatureText(signature), signature.comment, signature))
    if (signatures.length === 0) parts.push(this.#section(declarationText(model), comment))
    const members = model.kindOf(ClassOrInterface) ? children : []
    return join([heading, ...parts, ...members.map((member) => this.#member(member, `${level}#`))])
  }

  #section(code, comment, { parameters = [] } = {}) {
    const text = (parts) => this.helpers.getCommentParts(parts).trim()
    const explained = parameters.filter((parameter) => parameter.comment)
    return join([
      `\`\`\`ts\n${code}\n\`\`\``,
      comment ? text(comment.summary) : '',
      explained.map((parameter) => `- \`${parameter.name}\`: ${text(parameter.comment.summary)}`).join('\n'),
      ...(comment?.blockTags ?? []).map(({ tag, typeAnnotation = '', content }) => {
        if (tag === '@default') return `**Default** \`${text(content)}\``
        if (tag === '@example') return `**Example**\n\n${text(content)}`
        return `**${LABELS[tag]}** ${typeAnnotation.replace(/^\{(.*)\}$/, '`$1` ')}${text(content)}`
      }),
    ])
  }
}

function join(parts) {
  return parts.filter((part) => part !== '').join('\n\n')
}

function signatureText(signature) {
  const node = declarations.get(signature)
  const parameters = node.parameters.map(({ dotDotDotToken, initializer, questionToken, type }, at) => {
    const optional = questionToken || initializer ? '?' : ''
    return `${dotDotDotToken ? '...' : ''}${signature.parameters[at].name}${optional}: ${textOf(type)}`
  })
  const before = signature.parent.kind === FunctionKind ? 'function ' : ''
  return `${before}${node.name.getText()}${generics(node)}(${parameters.join(', ')}): ${textOf(node.type)}`
}

function declarationText(model) {
  const node = declarations.get(model)
  if (model.kindOf(ClassOrInterface)) {
    const heritage = node.heritageClauses?.map((clause) => ` ${textOf(clause)}`).join('') ?? ''
    return `${ReflectionKind.singularString(model.kind).toLowerCase()} ${model.name}${generics(node)}${heritage}`
  }
  if (model.kind === Variable) return `const ${model.name}: ${textOf(node.type)}`
  return textOf(node).replace(/^export /, '')
}

function generics({ typeParameters }) {
  return typeParameters ? `<${typeParameters.map(textOf).join(', ')}>` : ''
}

/** Returns the name without quotes. Escapes brackets, as GitHub would render them as a link. */
function nameOf(model) {
  // The code has another name for a class that is exported as `LiveSessionError`.
  if (model.kindOf(ReflectionKind.Class)) return model.name
  const { name } = declarations.get(model.signatures?.[0] ?? model)
  return textOf(name).replaceAll("'", '').replace(/[[\]]/g, '\\$&')
}

/** Returns the source text of a node, without the common indentation of its lines. */
function textOf(node) {
  const before = node.getSourceFile().text.slice(0, node.getStart())
  const [indentation] = /^ */.exec(before.slice(before.lastIndexOf('\n') + 1))
  const text = node.getText().replaceAll(`\n${indentation}`, '\n')
  return text.replace(/\w+/g, (word) => publicNames.get(word) ?? word)
}
