#!/usr/bin/env bash
# Holds the documents to the tests: what SECURITY.md says stands in docs/claims.md, and the tests that docs/claims.md and docs/faults.md
# name are there. Nothing is built or run.
#
# Prints each break with its place and ends with 1, or says nothing and ends with 0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/breaks.sh
source scripts/breaks.sh

# Every test in Rust, one a line: /crate/where/it/lies/ and its name. A module `tests` within a file counts as a place.
# shellcheck disable=SC2016 # awk expands what stands in single quotes
rust_tests() {
  git ls-files -z 'crates/*.rs' | xargs -0 awk '
    FNR == 1 { place = "/" FILENAME; sub(/^\/crates/, "", place); sub(/\.rs$/, "/", place); inside = ""; marked = 0 }
    /^mod tests / { inside = "tests/" }
    /^ *#\[(tokio::)?test/ { marked = 1; next }
    marked && match($0, /fn [a-z0-9_]+/) { print place inside, substr($0, RSTART + 3, RLENGTH - 3); marked = 0 }'
}

# The window's, in Python, likewise.
python_tests() {
  git grep -hoP '^ *def \Ktest_[a-z0-9_]+' -- 'e2e/prompt/*.py' | sed 's/^/\/prompt\/ /'
}

# test_is_there PATH: whether there is a test of this name, or one in the module. PATH is `name`, `module::name`, `module`, `module::*`;
# a crate may come first.
test_is_there() {
  awk -v path="$1" '
    BEGIN {
      parts = split(path, part, "::")
      for (i = 1; i <= parts; i++) { sub(/^claviger_/, "", part[i]); if (part[i] ~ /^prompt_api$|^virtual_key$/) sub(/_/, "-", part[i]) }
    }
    {
      for (i = 1; i < parts; i++) if (!index($1, "/" part[i] "/")) next
      last = part[parts]
      if (last == "*" || $2 == last || (parts > 1 && index($1, "/" last "/"))) { found = 1; exit }
    }
    END { exit !found }' <<<"$tests"
}

# file_is_there NAME: a tracked file or folder, whole or by its last name.
file_is_there() {
  git ls-files --error-unmatch -- "$1" >/dev/null 2>&1 || [[ -n $(git ls-files -- "*/$1") ]]
}

# command_is_there WORD...: of `./test SUITE...` and `vm/suite PART...` each word, of `node FILE` the file; others are for people.
command_is_there() {
  local program=$1 word && shift
  for word in "$@"; do
    case $program in
      ./test) grep -qF "[$word]=\"" test || return 1 ;;
      vm/suite) grep -qF "[$word]=\"" vm/suite || return 1 ;;
      node) file_is_there "$word" || return 1 ;;
    esac
  done
}

# cells FILE: the rows of its tables as line, first column, tests, command, separated by a unit separator.
cells() {
  awk '
    /^\|/ && !/^\| *-|^\|-/ {
      row = $0; gsub(/^\| *| *\|$/, "", row)
      columns = split(row, cell, / *\| */)
      if (columns < 3 || cell[columns] == "command") next
      print FNR "\037" cell[1] "\037" cell[columns - 1] "\037" cell[columns]
    }' "$1"
}

# names TEXT: what stands in backticks.
names() {
  awk -F'`' '{ for (i = 2; i < NF; i += 2) print $i }' <<<"$1"
}

# titles TEXT: what stands in italics, the name of a check in the browser, the extension or the virtual machine.
titles() {
  awk -F'`' '{
    for (i = 1; i <= NF; i += 2) text = text $i
    parts = split(text, part, "*")
    for (i = 2; i < parts; i += 2) print part[i]
  }' <<<"$1"
}

tests=$(rust_tests && python_tests)

# What a row names as its tests is there, and a row names some.
for document in docs/claims.md docs/faults.md; do
  cells "$document" | while IFS=$'\037' read -r line _ shown command; do
    [[ -n $shown ]] || echo "$document:$line: no test"
    { names "$shown" && names "$command"; } | while read -r name; do
      read -ra words <<<"$name"
      case $name in
        ./test* | vm/suite* | node\ *) command_is_there "${words[@]}" ;;
        *\ *) ;;
        */* | *.*) file_is_there "$name" ;;
        claviger-*) [[ -d crates/${name#claviger-} ]] ;;
        *) test_is_there "$name" ;;
      esac || echo "$document:$line: $name"
    done
    titles "$shown" | while read -r title; do
      grep -rqF --include='*.mjs' --include='*.ts' --include='*.py' -- "$title" e2e/test extension/test vm/parts || echo "$document:$line: $title"
    done
  done
done | breaks "These rows name what is not there:"

# What docs/claims.md quotes is what SECURITY.md says, and of each line there something is quoted. `…` stands for words left out.
quotes=$(grep -oP '“\K[^”]+(?=”)' docs/claims.md | sed 's/ *… */\n/g' | sed '/^$/d') || { echo "docs/claims.md quotes nothing." && exit 1; }
while read -r quote; do
  grep -qF -- "$quote" SECURITY.md || echo "$quote"
done <<<"$quotes" | breaks "docs/claims.md quotes what SECURITY.md does not say:"
# Headings and the heads of tables say nothing.
grep -nvE '^(#.*|\|(---)*.*---\||\| (tier|use|PIN) \|.*|)$' SECURITY.md | while IFS= read -r sentence; do
  grep -qF -f <(printf '%s\n' "$quotes") <<<"$sentence" || echo "SECURITY.md:${sentence:0:100} …"
done | breaks "docs/claims.md quotes nothing of:"

# "forbids unsafe": the workspace's lint holds for each of its crates, the playground has the same, and the rest has none.
grep -qx 'unsafe_code = "forbid"' Cargo.toml || echo "Cargo.toml" | breaks "The workspace does not forbid unsafe code:"
for manifest in $(git ls-files 'crates/*/Cargo.toml' 'playground/Cargo.toml' ':!crates/*/*/Cargo.toml'); do
  grep -qzP '\n\[lints\]\nworkspace = true\n|\n\[lints\.rust\]\nunsafe_code = "forbid"\n' "$manifest" || echo "$manifest"
done | breaks "These crates do not forbid unsafe code:"
git grep -nwE 'unsafe|no_mangle|export_name' -- '*.rs' | grep -vE '^[^:]+:[0-9]+: *//' | breaks "SECURITY.md says that there is no unsafe code, but:" || true

exit "$broken"
