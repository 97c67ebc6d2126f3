// `npm ci` runs this script, which lets git run the hooks of scripts/hooks in this clone. A copy without git needs no hooks. In an app, npm
// would ask to approve a script named `prepare`, so package.json names this script `dependencies`.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

if (existsSync('.git')) spawnSync('git', ['config', 'core.hooksPath', 'scripts/hooks'])
