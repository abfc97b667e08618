import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from './bench-compare.ts'

const FILES = 10_000
/** What the comparison installs, in a directory of its own: nothing else here needs the command line. */
const PACKAGES = ['secretlint@13.0.6', '@secretlint/secretlint-rule-preset-recommend@13.0.6']

/** `gitops validate` of many clean files, side by side with the command line of secretlint, which does a part of the same. */
export function benchGate(root: string, cli: string): void {
  const [tool, site] = [join(root, 'secretlint'), join(root, 'gate')]
  for (const directory of [tool, site]) mkdirSync(directory, { recursive: true })
  writeFileSync(join(tool, 'package.json'), '{}\n')
  if (spawnSync('npm', ['install', '--silent', '--no-audit', '--no-fund', ...PACKAGES], { cwd: tool, stdio: 'ignore' }).status !== 0)
    return void process.stdout.write('secretlint cannot be installed here: the comparison with it is left out\n')
  const text = `${JSON.stringify(
    Array.from({ length: 60 }, (_, index) => `item number ${index}`),
    null,
    1,
  )}\n`
  for (let at = 0; at < FILES; at += 1) {
    if (at % 100 === 0) mkdirSync(join(site, `d${at / 100}`))
    writeFileSync(join(site, `d${Math.floor(at / 100)}`, `f${at}.json`), text)
  }
  const rules = join(tool, 'rules.json')
  writeFileSync(rules, JSON.stringify({ rules: [{ id: '@secretlint/secretlint-rule-preset-recommend' }] }))
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
  ])
    execFileSync('git', args, { cwd: site })
  const run = (...args: string[]): void => void execFileSync(process.execPath, args, { cwd: site, stdio: 'ignore' })
  compare(
    { name: `validate ${FILES} files`, run: () => run(cli, 'validate') },
    { name: 'secretlint', run: () => run(join(tool, 'node_modules/secretlint/bin/secretlint.js'), '--secretlintrc', rules, '**/*') },
    3,
    '',
  )
}
