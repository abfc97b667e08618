import { Document, isScalar, visit } from 'yaml'

/** What a workflow of GitHub Actions needs to know of a repository and its config. Paths are relative to the repository's top. */
export interface Workflow {
  /** The branch that is reconciled. */
  readonly branch: string
  /** Globs of what is managed, and of what judges it. */
  readonly paths: readonly string[]
  /** Where the config lies; empty for the top. */
  readonly directory: string
  /** Whether there is a lock file of npm beside the config: then the versions in it are used. */
  readonly locked: boolean
  /** This version of gitops, for a repository that pins none. */
  readonly version: string
  /** Whether there are tests of the config. */
  readonly tests: boolean
}

const CHECKOUT = { name: 'actions/checkout', sha: '3d3c42e5aac5ba805825da76410c181273ba90b1', version: 'v7.0.1' }
const SETUP_NODE = { name: 'actions/setup-node', sha: '820762786026740c76f36085b0efc47a31fe5020', version: 'v7.0.0' }

const HEAD = ` Written by \`gitops ci github\`; write it anew when the config has changed.

 To merge when green: require the check "gitops" for this branch (Settings, Rules), allow auto-merge
 (Settings, General), then say \`gh pr merge --auto --squash\` or press the button of a pull request.
 A required check that never runs blocks a merge for ever, so pull requests are judged whatever they touch.`

/** A base that this clone does not have, as after a forced push or for a new branch, has everything judged. */
const VALIDATE = (gitops: string): string => `git cat-file -e "$BASE^{commit}" 2>/dev/null || BASE=${'0'.repeat(40)}
${gitops} validate --commits "$BASE..HEAD" --format github`

/** The workflow as text. It needs no secret and no right but to read. Pure. */
export function workflowText({ branch, paths, directory, locked, version, tests }: Workflow): string {
  const gitops = locked ? 'npx --no gitops' : `npx --yes gitops@${version}`
  const place = directory === '' ? '' : `${directory}/`
  const document = new Document({
    name: 'gitops',
    on: { pull_request: null, merge_group: null, push: { branches: [branch], paths } },
    permissions: { contents: 'read' },
    concurrency: { group: 'gitops-${{ github.ref }}', 'cancel-in-progress': "${{ github.event_name == 'pull_request' }}" },
    jobs: {
      gitops: {
        'runs-on': 'ubuntu-latest',
        'timeout-minutes': 10,
        ...(directory !== '' && { defaults: { run: { 'working-directory': directory } } }),
        steps: [
          { uses: `${CHECKOUT.name}@${CHECKOUT.sha}`, with: { 'fetch-depth': 0, 'persist-credentials': false } },
          {
            uses: `${SETUP_NODE.name}@${SETUP_NODE.sha}`,
            with: {
              'node-version': 24,
              ...(locked
                ? { cache: 'npm', ...(directory !== '' && { 'cache-dependency-path': `${place}package-lock.json` }) }
                : { 'package-manager-cache': false }),
            },
          },
          ...(locked ? [{ name: 'Install', run: 'npm ci' }] : []),
          {
            name: 'Validate',
            env: { BASE: '${{ github.event.pull_request.base.sha || github.event.merge_group.base_sha || github.event.before }}' },
            run: VALIDATE(gitops),
          },
          ...(tests ? [{ name: 'Test the config', run: `${gitops} test` }] : []),
        ],
      },
    },
  })
  document.commentBefore = HEAD
  nameVersions(document)
  return document.toString({ lineWidth: 0, nullStr: '' })
}

/** A version behind each commit, for people and for tools that renew such pins. */
function nameVersions(document: Document): void {
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || key.value !== 'uses' || !isScalar(value)) return
      const version = [CHECKOUT, SETUP_NODE].find(({ name }) => String(value.value).startsWith(`${name}@`))?.version
      if (version !== undefined) value.comment = ` ${version}`
    },
  })
}
