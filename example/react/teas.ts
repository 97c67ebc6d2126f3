export const teas = ['Assam', 'Sencha', 'Mint'] as const
export const MAX_CUPS = 12
