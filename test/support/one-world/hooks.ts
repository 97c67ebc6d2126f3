import { afterEach } from '@jest/globals'
import { closeAll } from '../cleanup.js'

// Runs in each test file, before its own code.
afterEach(closeAll)
