/** Whether a file tests a config, by its name: `gitops.test.ts`, `team.gitops.test.mjs`. Pure. */
export function isConfigTest(path: string): boolean {
  return /(?:^|\/)(?:[^/]+\.)?gitops\.test\.[cm]?[jt]s$/.test(path)
}
