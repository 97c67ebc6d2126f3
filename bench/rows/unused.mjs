// Targets 2 and 3: a request without any use of `ctx.liveSession`, in a bare app and with the app's own koa-session.
import { compare } from '../harness/compare.mjs'
import { judge } from '../harness/goal.mjs'
import { underLoad } from '../harness/http-server.mjs'
import { namesOf, tableOf } from '../harness/table.mjs'
import { cookiesOf } from '../servers/http/app.mjs'

export const unused = {
  title: 'A request that does not use the library',
  run: (scale) => run(scale, 'bare Koa', { file: 'bare', mode: 'koa' }, 'unused'),
}

export const beside = {
  title: 'The same beside koa-session',
  run: (scale) => run(scale, 'Koa with koa-session', { file: 'koa-session', mode: 'present' }, 'beside'),
}

async function run({ rounds, samples, warmUps, ms }, base, server, mode) {
  const how = { ms, cookies: cookiesOf(256) }
  const contestants = { [base]: underLoad(server, how), 'and this library': underLoad({ file: 'live', mode }, how) }
  const measured = await compare(contestants, { rounds, samples, warmUps })
  const rate = measured.toBase('and this library', 'rate')
  const columns = {
    'requests/s': (name) => measured.of(name, 'rate'),
    'CPU µs': (name) => measured.of(name, 'cpu'),
    [`of ${base}`]: (name) => measured.toBase(name, 'rate'),
  }
  return {
    tables: [tableOf('', namesOf(measured), columns)],
    goals: [judge(`unused / ${base}`, rate, '>=', 0.97, measured.noise('rate'))],
  }
}
