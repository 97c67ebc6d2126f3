export const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

/** Returns whether a text is a theme. */
export function isTheme(text: string): text is Theme {
  return themes.some((theme) => theme === text)
}
