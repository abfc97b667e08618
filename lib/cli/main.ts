#!/usr/bin/env node
// Nothing is imported at the top: an old Node must get as far as the sentence below.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18) || major === 23) {
  process.stderr.write(
    `gitops needs Node 22.18 or newer, or 24 and up; this is ${process.versions.node}. Install a newer Node, or run it with \`npx -p node@24 gitops\`.\n`,
  )
  process.exitCode = 2
} else {
  void import('node:module')
    .then(({ enableCompileCache }) => enableCompileCache())
    .then(() => import('./program.ts'))
    .then(({ run }) => run(process.argv))
}
