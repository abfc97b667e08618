import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { failureModesPage } from './support/failure-modes.ts'

// Writes the pages of docs/ that are generated; a test sees that they are up to date.
writeFileSync(join(import.meta.dirname, '../docs/failure-modes.md'), failureModesPage())
