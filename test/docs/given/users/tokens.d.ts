import type { Context } from 'koa'

export function verify(token: string | undefined): string | undefined
export function refresh(ctx: Context): Promise<string | undefined>
