import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { random } from '../../support/random.ts'
import { test, type Sandbox } from '../../support/sandbox.ts'

/**
 * An application that works in the target all the while: it appends to its history, starts sessions, keeps a file among ours in each
 * directory, and writes into ours. What it has written of its own it says on standard output.
 */
const APPLICATION = `
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
const [root] = process.argv.slice(2)
let going = true
process.on('SIGTERM', () => (going = false))
const attempt = (write) => { try { write(); return true } catch { return false } }
for (let n = 0; going; n++) {
  appendFileSync(root + '/history.jsonl', n + '\\n')
  mkdirSync(root + '/sessions/' + (n % 7), { recursive: true })
  writeFileSync(root + '/sessions/' + (n % 7) + '/' + n + '.json', 'session ' + n)
  // A directory of ours may be gone or become a file; then it has no room there.
  const beside = attempt(() => writeFileSync(root + '/agents/mine-' + (n % 5) + '.md', 'mine ' + n))
  attempt(() => writeFileSync(root + '/agents/a.md', 'edited ' + n))
  process.stdout.write(n + (beside ? ' beside' : '') + '\\n')
  await setTimeout(2)
}
`

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')

/** Every byte that the application has said it wrote is where it wrote it. Returns how many writes that are. */
function intact(sandbox: Sandbox, said: string): number {
  const lines = said.trim().split('\n')
  const root = claude(sandbox)
  expect(readFileSync(join(root, 'history.jsonl'), 'utf8')).toBe(`${lines.map((_, n) => n).join('\n')}\n`)
  for (const n of lines.keys()) expect(readFileSync(join(root, `sessions/${n % 7}/${n}.json`), 'utf8')).toBe(`session ${n}`)
  const last = new Map(lines.flatMap((line, n) => (line.endsWith('beside') ? [[n % 5, n] as const] : [])))
  for (const [file, n] of last) expect(readFileSync(join(root, `agents/mine-${file}.md`), 'utf8')).toBe(`mine ${n}`)
  return lines.length * 2 + last.size
}

test('an application that writes its own files, and ours, all the while loses no write of its own, though every other run is killed', async ({
  sandbox,
}) => {
  sandbox.config()
  sandbox.commit({ '.claude/agents/a.md': 'a 0\n', '.claude/agents/b.md': 'b 0\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.write(sandbox.root, { 'application.mjs': APPLICATION })
  const app = spawn(process.execPath, [join(sandbox.root, 'application.mjs'), claude(sandbox)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  app.stdout.on('data', (text: Buffer) => (said += text.toString()))
  const gone = once(app, 'close')
  const chance = random('beside an application')
  const rounds = 6 * Number(process.env['GITOPS_FAULT_ROUNDS'] ?? 1)
  let killed = 0
  try {
    for (let round = 1; round <= rounds; round++) {
      // The directory that the application writes into goes, and comes again.
      if (round % 3 === 0) sandbox.commit({ '.claude/agents': null })
      else
        sandbox.commit({ '.claude/agents/a.md': `a ${round}\n`, '.claude/agents/b.md': `b ${round}\n`, [`.claude/n/${round}.md`]: 'n\n' })
      const child = sandbox.start(['reconcile'])
      const ended = once(child, 'exit')
      await Promise.race([ended, sleep(100 + chance() * 250)])
      if (child.exitCode === null && child.kill('SIGKILL')) killed++
      await ended
      const ran = await sandbox.gitops(['reconcile'])
      // Somebody who writes into a file at the very moment is named; the run after it looks again.
      expect([0, 1], ran.said).toContain(ran.code)
      if (ran.code === 1) expect(ran.said).toContain('changed by something else')
    }
  } finally {
    app.kill('SIGTERM')
    await gone
  }
  const writes = intact(sandbox, said)
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  expect(intact(sandbox, said)).toBe(writes)
  expect(readdirSync(join(claude(sandbox), 'agents')).filter((name) => name.includes('gitops'))).toEqual([])
  console.log(`${rounds} revisions, ${killed} runs killed, ${writes} writes of the application, none lost`)
  rmSync(join(sandbox.root, 'application.mjs'))
})
