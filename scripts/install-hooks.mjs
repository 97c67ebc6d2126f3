// `npm ci` runs this: lets git run the hooks of scripts/hooks in this clone. A copy without git needs none. In an app, npm would ask to approve
// a `prepare` script, so package.json names it `dependencies`.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (existsSync('.git')) spawnSync('git', ['config', 'core.hooksPath', 'scripts/hooks'])
