/** What a key of settings.json holds, where that is one thing; `any` where it may be several. */
export type Kind = 'boolean' | 'string' | 'number' | 'texts' | 'list' | 'object' | 'any'

/** The keys of settings.json as they are documented, but for those with a schema of their own. A key that is not here is a newer one, or a slip. */
export const KEYS: Readonly<Record<Kind, string>> = {
  boolean: [
    'agentPushNotifEnabled allowAllClaudeAiMcps allowManagedHooksOnly allowManagedMcpServersOnly',
    'allowManagedPermissionRulesOnly alwaysThinkingEnabled autoCompactEnabled autoConnectIde autoInstallIdeExtension',
    'autoMemoryEnabled autoScrollEnabled awaySummaryEnabled axScreenReader channelsEnabled disableAgentView disableAllHooks',
    'disableArtifact disableBrowserExternalNavigation disableBundledSkills disableClaudeAiConnectors',
    'disableMobileSimulatorTools disableRemoteControl disableSideloadFlags disableSkillShellExecution disableWorkflows',
    'emojiCompletionEnabled enableAllProjectMcpServers enableArtifact enforceAvailableModels externalEditorContext fastMode',
    'fastModePerSessionOptIn fileCheckpointingEnabled forceRemoteSettingsRefresh includeCoAuthoredBy includeGitInstructions',
    'inputNeededNotifEnabled permissionExplainerEnabled prefersReducedMotion remoteControlAtStartup',
    'requireCoworkFullVmSandbox respectGitignore respondToBashCommands showClearContextOnPlanAccept showThinkingSummaries',
    'showTurnDuration skipDangerousModePermissionPrompt skipWebFetchPreflight spinnerTipsEnabled syntaxHighlightingDisabled',
    'terminalProgressBarEnabled useAutoModeDuringPlan verbose voiceEnabled wheelScrollAccelerationEnabled',
    'workflowKeywordTriggerEnabled wslInheritsWindowsSettings',
  ].join(' '),
  string: [
    '$schema advisorModel agent apiKeyHelper askUserQuestionTimeout autoMemoryDirectory autoUpdatesChannel awsAuthRefresh',
    'awsCredentialExport browserExternalPageTools claudeMd defaultShell diffTool disableAutoMode disableDeepLinkRegistration',
    'editorMode effortLevel forceLoginGatewayUrl forceLoginMethod gcpAuthRefresh language minimumVersion otelHeadersHelper',
    'outputStyle parentSettingsBehavior plansDirectory pluginTrustMessage prUrlTemplate preferredNotifChannel processWrapper',
    'requiredMaximumVersion requiredMinimumVersion teammateMode tui viewMode workflowSizeGuideline',
  ].join(' '),
  number: 'cleanupPeriodDays feedbackSurveyRate skillListingBudgetFraction skillListingMaxDescChars',
  texts: [
    'allowedHttpHookUrls availableModels claudeMdExcludes companyAnnouncements disabledMcpjsonServers enabledMcpjsonServers',
    'fallbackModel httpHookAllowedEnvVars pluginSuggestionMarketplaces skippedMarketplaces skippedPlugins sshHostAllowlist',
  ].join(' '),
  list: [
    'allowedChannelPlugins allowedMcpServers blockedMarketplaces deniedMcpServers footerLinksRegexes managedMcpServers',
    'sshConfigs strictKnownMarketplaces',
  ].join(' '),
  object: [
    'attribution autoMode enabledPlugins extraKnownMarketplaces modelOverrides pluginConfigs policyHelper sandbox',
    'skillOverrides spinnerTipsOverride spinnerVerbs vimInsertModeRemaps voice worktree',
  ].join(' '),
  any: 'forceLoginOrgUUID strictPluginOnlyCustomization teammateDefaultModel theme',
}

/** The events that have hooks. */
export const EVENTS =
  'PreToolUse PostToolUse PostToolUseFailure PostToolBatch Notification UserPromptSubmit UserPromptExpansion SessionStart SessionEnd Stop StopFailure ' +
  'SubagentStart SubagentStop PreCompact PostCompact PreModelSwitch PostModelSwitch PermissionRequest PermissionDenied Setup TeammateIdle TaskCreated ' +
  'TaskCompleted Elicitation ElicitationResult ConfigChange WorktreeCreate WorktreeRemove InstructionsLoaded CwdChanged FileChanged DirectoryAdded MessageDisplay'
