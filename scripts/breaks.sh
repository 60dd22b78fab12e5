# Sourced by scripts/walls.sh and scripts/claims.sh: how they tell what breaks a rule. They end with $broken.
# shellcheck shell=bash

# What ends a pipe runs in this shell, so that a break is remembered.
shopt -s lastpipe

# shellcheck disable=SC2034 # for those who source this
broken=0

# breaks RULE: the lines on standard input break it.
breaks() {
  local found
  found=$(cat)
  [[ -z $found ]] && return 0
  printf '%s\n%s\n' "$1" "$found"
  broken=1
}
