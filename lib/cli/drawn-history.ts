import { printable } from '../model/errors.ts'
import { short } from '../model/path.ts'
import type { HistoryRecord } from '../../tasks/history.ts'
import { styled } from './messages.ts'

/** What fits on the narrowest terminal that people use. */
const WIDTH = 100
const HEAD = ['GEN', 'WHEN', 'REVISION', 'SOURCE', 'WHAT', 'WHY', 'OUTCOME', 'BY']
const SOURCE = 16

const WHY: Readonly<Record<HistoryRecord['why'], string>> = { revision: 'revision', heal: 'drift', removed: 'removed' }
const OUTCOME: Readonly<Record<HistoryRecord['outcome'], string>> = {
  applied: 'applied',
  'rolled-back': 'rolled back',
  'taken-back': 'taken back',
  undone: 'undone',
  'under-way': 'under way',
  interrupted: 'interrupted',
}

/** Generations as a table for people, the live one marked with ●, those that can be gone back to with ○; what is not applied any more says why below. */
export function drawnHistory(records: readonly HistoryRecord[]): string {
  const rows = records.map(cells)
  const widths = HEAD.slice(0, -1).map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (row: readonly string[]): string => row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')
  const lines = [styled('dim', `  ${line(HEAD)}`)]
  for (const [index, record] of records.entries()) {
    const text = clipped(`  ${line(rows[index] ?? [])}`, WIDTH).trimEnd()
    lines.push(record.live ? styled('bold', `●${text.slice(1)}`) : record.restorable ? `○${text.slice(1)}` : text)
    if (record.reason !== null) lines.push(styled('dim', clipped(`    ${printable(record.reason.split('\n')[0] ?? '')}`, WIDTH)))
  }
  return lines.join('\n')
}

function cells({ generation, at, revision, source, why, outcome, live, author, signer, ...wrote }: HistoryRecord): string[] {
  const tally = [`+${wrote.created}`, `~${wrote.updated}`, `-${wrote.deleted}`].filter((text) => !text.endsWith('0') || text.length > 2)
  const name = author?.replace(/ <.*$/, '') ?? ''
  return [
    String(generation),
    local(at),
    revision === null ? '' : short(revision),
    clipped(printable(source), SOURCE),
    tally.join(' '),
    WHY[why],
    live ? 'live' : OUTCOME[outcome],
    printable(signer === null ? name : `${name}, signed by ${signer}`).replaceAll('\n', ' '),
  ]
}

function clipped(text: string, width: number): string {
  const letters = Array.from(text)
  return letters.length <= width ? text : `${letters.slice(0, width - 1).join('')}…`
}

/** `2026-01-31 09:15`, where the reader is. */
function local(at: string): string {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`
}
