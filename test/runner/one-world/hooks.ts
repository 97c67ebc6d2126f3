import { afterEach } from '@jest/globals'
import { closeAll } from '../../support/app/cleanup.js'

// Runs in each test file, before its own code.
afterEach(closeAll)
