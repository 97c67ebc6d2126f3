export const isAll: boolean
export const isBare: boolean
export const ONLY_IN_ALL: readonly string[]
