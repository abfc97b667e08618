#!/bin/sh
# Refuses a forced push: exit 2 tells Claude Code to block the command.
if grep -qE 'git push.*(--force|-f)([^a-z-]|$)'; then
  echo "Forced pushes are not allowed here; use --force-with-lease by hand." >&2
  exit 2
fi
