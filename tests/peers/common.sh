# shellcheck shell=bash
# Sourced by the peers' build scripts, by tests/run and by .ci/run. A peer is built once on a
# machine, outside the clone, in a folder named after the hash of its recipe: another clone finds
# it, and another recipe does not. A build's progress goes to standard error; its standard output
# carries only NAME=path lines.

peers=${NAVVY_PEERS:-${HOME:?}/.cache/navvy/peers}

fail() {
    echo "$*" >&2
    exit 1
}

# part NAME COMMAND...: says what is done and how long it took.
part() {
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    "$@"
    echo "== $name: $((SECONDS - start)) s"
}

# need FUNCTION: FUNCTION prints the Debian packages that are missing. Root on Debian gets them
# installed; anybody else is told their names.
need() {
    local missing
    missing=$("$1" | xargs)
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $missing" >&2
        # Another installation may hold the lock for a while.
        local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300)
        "${apt[@]}" update >/dev/null || echo "the list of packages could not be renewed" >&2
        # shellcheck disable=SC2086 # words
        "${apt[@]}" install -y --no-install-recommends $missing >/dev/null || true
        missing=$("$1" | xargs)
    fi
    [ -z "$missing" ] || fail "missing (names of Debian's packages): $missing"
}

compilers() {
    command -v cc >/dev/null || echo gcc
    command -v c++ >/dev/null || echo g++
}

# cache_dir NAME FILE...: where the peer built from these files is, or will be.
cache_dir() {
    local name=$1
    shift
    echo "$peers/$name-$({ uname -sm && cat "$@"; } | sha256sum | cut -c1-16)"
}

# A cached program may have lost a library that it needs, so it is asked rather than looked for.
answers() {
    local program
    for program in "$@"; do
        "$program" --version >/dev/null 2>&1 || return 1
    done
}

# build_once DIR FUNCTION PROGRAM...: FUNCTION gets a folder and leaves the programs in it. That
# folder becomes DIR only when all is done, so that an interrupted build is never taken for one.
build_once() {
    local dir=$1 build=$2 status=0
    shift 2
    command -v flock >/dev/null || fail "missing (names of Debian's packages): util-linux"
    mkdir -p "$peers"
    exec 9>"$dir.lock"
    if ! flock -n 9; then
        echo "waiting for another run that is building $dir" >&2
        flock 9
    fi
    if ! answers "${@/#/$dir/}"; then
        echo "building $dir; its log is $dir.log" >&2
        rm -rf "$dir" "$dir.part"
        mkdir "$dir.part"
        # -e has no force within a condition, hence the detour; the lock stays with this shell.
        set +e
        (
            set -e
            "$build" "$dir.part"
        ) >"$dir.log" 2>&1 9>&-
        status=$?
        set -e
        if [ "$status" != 0 ] || ! answers "${@/#/$dir.part/}"; then
            tail -n 40 "$dir.log" >&2
            rm -rf "$dir.part"
            fail "building $dir failed; its log is $dir.log"
        fi
        mv "$dir.part" "$dir"
    fi
    exec 9>&-
}
