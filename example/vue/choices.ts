export const papers = ['white', 'cream', 'grey'] as const
export const sizes = ['small', 'medium', 'large'] as const
export const MAX_NOTE = 80
