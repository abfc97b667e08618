import { configureGlobal } from 'fast-check'
import { propertySeed } from './random.ts'

// Without it a rare document would fail a change that has nothing to do with it. The long forms draw new ones.
configureGlobal({ seed: propertySeed })
