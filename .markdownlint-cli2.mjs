import relativeLinks from 'markdownlint-rule-relative-links'

/** Checks links only: files, and headings in them. */
export default {
  config: { default: false, MD051: true, 'relative-links': true },
  customRules: [relativeLinks],
  globs: ['**/*.md'],
  ignores: ['**/node_modules', '.cache'],
}
