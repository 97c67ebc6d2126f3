import { afterAll, afterEach } from '@jest/globals'
import { closeFile, closeTest } from '../cleanup.js'

// Runs in each test file, before its own code.
afterEach(closeTest)
afterAll(closeFile)
