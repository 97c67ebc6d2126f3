import { z } from 'zod'

export const filterSchema = z.strictObject({
  region: z.enum(['all', 'north', 'south']),
  size: z.enum(['all', 'small', 'large']),
})

const { region, size } = filterSchema.shape

export const changeSchema = z.strictObject({ region: region.exactOptional(), size: size.exactOptional() })

export type Filter = z.infer<typeof filterSchema>
export type Change = z.infer<typeof changeSchema>
