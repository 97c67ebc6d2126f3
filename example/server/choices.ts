import type Router from '@koa/router'
import { isDivision } from '../divisions.js'
import { isTheme } from '../themes.js'
import { readForm } from './form.js'
import { goBack } from './way-back.js'

/** `POST /division` and `POST /theme`, for pages without a script. */
export function addChoices(router: Router): void {
  router.post('/division', async (ctx) => {
    const text = (await readForm(ctx)).get('division')
    const division = text === null || text === '' ? Number.NaN : Number(text)
    if (!isDivision(division)) return ctx.throw(400, 'no such division')
    await ctx.liveSession.set('division', division)
    goBack(ctx)
  })
  router.post('/theme', async (ctx) => {
    const theme = (await readForm(ctx)).get('theme') ?? ''
    if (!isTheme(theme)) return ctx.throw(400, 'no such theme')
    await ctx.liveSession.set('theme', theme)
    goBack(ctx)
  })
}
