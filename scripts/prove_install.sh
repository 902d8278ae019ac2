#!/bin/sh
# Proves deploy/install.sh in a bare root of Debian packages: installed by root, used by an ordinary user.
# Run as root, from the repository: scripts/prove_install.sh [ROOT.tar]. It needs mmdebstrap (or a tar of a root
# with python3, python3-venv and ca-certificates). What is to be installed is fetched outside, so nothing in the
# root needs a network; nothing outside a temporary folder is changed, and nothing that was started stays.
set -eu
if [ -z "${IN_A_SPACE_OF_ITS_OWN:-}" ]; then
    IN_A_SPACE_OF_ITS_OWN=yes exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
root=$(mktemp -d /var/tmp/heimdex-root.XXXXXX)
trap 'umount "$root/dev/shm" "$root/sys" "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
begun=$(date +%s)
step() { echo; echo "== $* ($(($(date +%s) - begun)) s)"; }

step "a bare root"
if [ $# -gt 0 ]; then
    tar -C "$root" -xf "$1"
else
    mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$root"
fi
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" # as everywhere: the database's server shares memory there

step "the wheel, and what it stands on"
mkdir -p "$root/packages" "$root/source"
"$python" -m pip wheel --quiet --wheel-dir "$root/packages" --constraint constraints.txt .
cp constraints.txt "$root/source/"
cp -r deploy "$root/source/deploy"
mv "$root"/packages/heimdex-*.whl "$root/source/"
wheel=/source/$(basename "$root"/source/heimdex-*.whl)

inside() {
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        PIP_NO_INDEX=1 PIP_FIND_LINKS=/packages chroot "$@"
}
as_user() {
    inside --userspec=heimdex:heimdex "$root" env HOME=/var/lib/heimdex HEIMDEX_HOME=/var/lib/heimdex "$@"
}

step "installed"
inside "$root" /source/deploy/install.sh --package "$wheel" --constraints /source/constraints.txt
step "installed again: nothing to do"
inside "$root" /source/deploy/install.sh --package "$wheel" --constraints /source/constraints.txt | tee "$root/again"
grep -q 'is installed already' "$root/again"

step "used by the user it was made for"
as_user id
as_user heimdex doctor
as_user heimdex demo

step "asked over HTTP"
as_user heimdex serve --home /var/lib/heimdex/demo --port 18765 &
server=$!
as_user python3 - <<'PYTHON'
import json, time, urllib.request

def ask(path):
    return urllib.request.urlopen("http://127.0.0.1:18765" + path, timeout=60).read()

for attempt in range(150):
    try:
        health = json.loads(ask("/health"))
        break
    except OSError:
        time.sleep(0.2)
found = json.loads(ask("/api/v1/search?q=a+cat"))
print(health["status"], "·", found["verdict"], "·", found["hits"][0]["path"])
assert b"heimdex_searches_total" in ask("/metrics")
PYTHON

# Processes of the root whose command line has these words; its /proc is that of our space alone.
running() {
    for process in "$root"/proc/[0-9]*; do
        if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -q "$1"; then basename "$process"; fi
    done
}
step "stopped by SIGTERM"
for process in $(running 'bin/heimdex serve'); do kill -TERM "$process"; done
wait "$server" || true
left=$(running '/opt/heimdex/')
[ -z "$left" ] || { echo "still running: $left"; exit 1; }
echo "nothing is left running; proven"
