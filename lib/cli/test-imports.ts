import { teachNode } from '../config/find.ts'

// Loaded before a user's tests: they find gitops wherever they lie.
teachNode({ gitops: new URL('../index.js', import.meta.url).href, 'gitops/test': new URL('../testing.js', import.meta.url).href })
