import { finding, type Finding } from '../model/finding.ts'
import { isPlaceholder } from './placeholder.ts'
import { positionAt } from './position.ts'

/** A text that is searched for secrets. */
export interface Scanned {
  /** In the repository. */
  readonly path: string
  readonly text: string
  /** The commit that adds it, or null for the tree itself. */
  readonly commit: string | null
}

/** So much text, in UTF-16 units, is searched at a time: a search has a price of its own, whatever the length. */
const BATCH = 256 * 1024
/** Of one text nobody reads more. */
const MOST = 100
/** No pattern matches across it. */
const BETWEEN = '\n\0\n'
/** Whose rules look at the name, or at the whole of a document. */
const ALONE = /(?:^|\/)(?:.*package(?:-lock)?\.json|.*\.npmrc)$/
const AGE_KEY = /AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{50,}/g

/** What each rule is about, where its name does not say it. */
const NAMES: Readonly<Record<string, string>> = {
  '1password': 'a service account token of 1Password',
  anthropic: 'an API key of Anthropic',
  aws: 'an access key of AWS',
  basicauth: 'a password in a URL',
  'database-connection-string': 'a password in the address of a database',
  gcp: 'a private key of a Google Cloud service account',
  github: 'a token of GitHub',
  gitlab: 'a token of GitLab',
  npm: 'a token of npm',
  openai: 'an API key of OpenAI',
  privatekey: 'a private key',
  slack: 'a token or a webhook of Slack',
}

/** A finding, and the text it was found in. */
export interface Leak<Text extends Scanned> {
  readonly finding: Finding
  readonly of: Text
}

/** A search that texts are given to one by one. What it finds comes later than what was found in. */
export interface LeakSearch<Text extends Scanned> {
  readonly add: (text: Text) => Promise<readonly Leak<Text>[]>
  readonly end: () => Promise<readonly Leak<Text>[]>
}

/** Searches texts for what looks like a secret, with the rules of secretlint and one for keys of age. Nothing of a secret is in a finding. */
export function leakSearch<Text extends Scanned>(): LeakSearch<Text> {
  let batch: Text[] = []
  let size = 0
  const end = async (): Promise<readonly Leak<Text>[]> => {
    const full = batch
    batch = []
    size = 0
    return inBatch(full)
  }
  return {
    async add(text) {
      if (isAlone(text)) return leaksOf(text)
      batch.push(text)
      size += text.text.length
      return size < BATCH ? [] : end()
    },
    end,
  }
}

function isAlone({ path, text }: Scanned): boolean {
  return ALONE.test(path) || (/\.json$/i.test(path) && text.includes('private_key_id'))
}

/** Whatever is found in a batch is looked for again in the texts that it touches, each by itself. */
async function inBatch<Text extends Scanned>(batch: readonly Text[]): Promise<Leak<Text>[]> {
  if (batch.length === 0) return []
  const starts: number[] = []
  let length = 0
  for (const { text } of batch) {
    starts.push(length)
    length += text.length + BETWEEN.length
  }
  const found = await search(batch.map(({ text }) => text).join(BETWEEN), 'batch.txt')
  const touched = batch.filter((one, index) => {
    const start = starts[index] ?? 0
    return found.some(({ range: [from, to] }) => from <= start + one.text.length && to >= start)
  })
  return (await Promise.all(touched.map(leaksOf))).flat()
}

interface Found {
  readonly id: string
  readonly range: readonly [start: number, end: number]
}

async function leaksOf<Text extends Scanned>(of: Text): Promise<Leak<Text>[]> {
  const mark = of.text.startsWith('\uFEFF') ? 1 : 0
  const found = await search(of.text.slice(mark), of.path)
  const seen = new Set<string>()
  return found.slice(0, MOST).flatMap(({ id, range }) => {
    const { line, column } = positionAt(of.text, range[0] + mark)
    const rule = `leak/${id}`
    if (seen.has(`${rule}:${line}`)) return []
    seen.add(`${rule}:${line}`)
    const message = `this looks like ${NAMES[id] ?? `a token of ${id}`}`
    return [
      { finding: finding(rule, of.path, message, { line, column, hint: of.commit === null ? HINT : HISTORY, commit: of.commit }), of },
    ]
  })
}

const HINT =
  'Revoke it where it is known, and encrypt the one that takes its place. If it is no secret, say so in `gate.allow` of the config.'
const HISTORY = `It stays in the history when a later commit takes it out: rewrite the commit before it is pushed. ${HINT}`

async function search(text: string, path: string): Promise<Found[]> {
  const [{ lintSource }, rule] = await Promise.all([import('@secretlint/core'), scanners()])
  const { messages } = await lintSource({
    source: { content: text, filePath: path, ext: /\.json$/i.test(path) ? '.json' : '.txt', contentType: 'text' },
    options: { config: { rules: [{ id: rule.meta.id, rule }] }, noPhysicFilePath: true, maskSecrets: true },
  })
  const named = messages
    .filter(({ range: [from, to] }) => !isPlaceholder(text.slice(from, to)))
    .map(({ ruleId, range }) => ({ id: ruleId.replace(/^.*secretlint-rule-/, ''), range }))
  return [...named, ...[...text.matchAll(AGE_KEY)].map(({ index, 0: key }) => ({ id: 'age', range: [index, index + key.length] as const }))]
}

type Preset = Awaited<typeof import('@secretlint/secretlint-rule-preset-recommend')>['creator']

let known: Preset | null = null

/** The preset without the rule by which a comment in a file lets a secret pass: only the config may say so. */
async function scanners(): Promise<Preset> {
  if (known !== null) return known
  const { creator } = await import('@secretlint/secretlint-rule-preset-recommend')
  known = {
    ...creator,
    create: (context, options) =>
      creator.create(
        {
          ...context,
          registerRule: (rule, value) => {
            if (!rule.meta.id.endsWith('-filter-comments')) context.registerRule(rule, value)
          },
        },
        options,
      ),
  }
  return known
}
