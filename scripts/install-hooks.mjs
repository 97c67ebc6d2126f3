// `npm ci` runs this (as `dependencies`; a `prepare` script would ask for approval in apps): lets git run the hooks of scripts/hooks in this clone. A copy without git needs none.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (existsSync('.git')) spawnSync('git', ['config', 'core.hooksPath', 'scripts/hooks'])
