export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Tells a theme from any other text. */
export function isTheme(text: string): text is Theme {
  return themes.some((theme) => theme === text)
}
