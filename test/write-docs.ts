import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withTable } from './faults/matrix/counts.ts'
import { failureModesPage } from './support/failure-modes.ts'

// Writes the pages of docs/ that are generated; a test sees that they are up to date.
writeFileSync(join(import.meta.dirname, '../docs/failure-modes.md'), failureModesPage())

const recovery = join(import.meta.dirname, '../docs/recovery.md')
writeFileSync(recovery, withTable(readFileSync(recovery, 'utf8')))
