#!/usr/bin/env node
// Nothing is imported at the top: an old Node must get as far as the sentence below.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18) || major === 23) {
  process.stderr.write(
    `gitops needs Node 22.18 or newer, or 24 and up; this is ${process.versions.node}. Install a newer Node, or run it with \`npx -p node@24 gitops\`.\n`,
  )
  process.exitCode = 2
} else {
  // Node would open its debugger, to whoever may connect to it, while secrets are in memory.
  process.on('SIGUSR1', () => {})
  // Nothing is left to wait for, and no command has ended: only a promise of the config can do that.
  process.once('beforeExit', () => {
    process.stderr.write('gitops: the config waits for a promise that never settles. Mend it, and run gitops again.\n')
    process.exitCode = 2
  })
  void import('node:module')
    .then(({ enableCompileCache }) => enableCompileCache())
    .then(() => import('./program.ts'))
    .then(({ run }) => run(process.argv))
    // What the config left open, a timer or a connection, must not keep a run that has ended.
    .then(() => process.stdout.write('', () => process.exit()))
}
