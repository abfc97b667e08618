import type { Finding } from '../lib/model/finding.ts'
import { checkRule } from './gate-checks.ts'
import { keysReader } from './gate-keys.ts'
import { leakReader } from './gate-leaks.ts'
import { sopsReader } from './gate-sops.ts'
import { syntaxReader } from './gate-syntax.ts'
import { contentReader, linkReader, secretRule, treeRule } from './gate-tree.ts'
import type { Gate, Reading, Rule } from './judging.ts'

/** Rules over the whole tree, in the order in which they are asked. */
export const RULES: readonly Rule[] = [treeRule, secretRule]
/** Rules over the content of files. */
export const READINGS: readonly Reading[] = [syntaxReader, keysReader, contentReader, linkReader, sopsReader, leakReader]

/** Rules that need to know what the others have found. */
export const LAST: readonly ((gate: Gate, known: readonly Finding[]) => Promise<readonly Finding[]>)[] = [checkRule]
