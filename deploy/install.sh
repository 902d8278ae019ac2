#!/bin/sh
# Installs Heimdex, or upgrades it: an environment of its own below a prefix, a user of its own, a data folder,
# settings, and systemd units where there is systemd. Run it again whenever you like: what is there stays, a new
# version is made beside the old one and taken into use only when it works.
set -eu

usage() {
    cat <<'TEXT'
usage: install.sh [options]
  --package WHAT      a wheel, a source folder or a requirement (default: heimdex)
  --constraints FILE  versions to install, e.g. constraints.txt of the release
  --prefix DIR        where the program goes (default: /opt/heimdex)
  --home DIR          the data folder (default: /var/lib/heimdex)
  --user NAME         who it runs as; made where missing (default: heimdex; ignored unless root runs this)
  --settings FILE     the settings of the service (default: /etc/heimdex/heimdex.env)
  --models SET        pull this set of models afterwards
  --no-units          no systemd units
  --no-migrate        leave the database alone
TEXT
}

package=heimdex constraints='' prefix=/opt/heimdex home=/var/lib/heimdex user=heimdex
settings=/etc/heimdex/heimdex.env models='' units=yes migrate=yes
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

while [ $# -gt 0 ]; do
    case $1 in
    --package | --constraints | --prefix | --home | --user | --settings | --models)
        [ $# -ge 2 ] || { echo "install.sh: $1 needs a value" >&2; exit 2; } ;;
    esac
    case $1 in
    --package) package=$2; shift ;;
    --constraints) constraints=$2; shift ;;
    --prefix) prefix=$2; shift ;;
    --home) home=$2; shift ;;
    --user) user=$2; shift ;;
    --settings) settings=$2; shift ;;
    --models) models=$2; shift ;;
    --no-units) units=no ;;
    --no-migrate) migrate=no ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
    esac
    shift
done

say() { echo "heimdex: $*"; }
fail() { echo "heimdex: $*" >&2; exit 1; }
is_root() { [ "$(id -u)" = 0 ]; }

# Who runs this, unless root does: then the service's user.
as_user() {
    if is_root; then
        setpriv --reuid="$user" --regid="$(id -gn "$user")" --init-groups -- \
            env -i PATH="$PATH" HOME="$home" LANG=C.UTF-8 HEIMDEX_HOME="$home" \
            ${HEIMDEX_MODELS_DIR:+HEIMDEX_MODELS_DIR="$HEIMDEX_MODELS_DIR"} "$@"
    else
        HEIMDEX_HOME="$home" "$@"
    fi
}

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    fail "Python 3.11 or newer with venv is needed; on Debian: apt-get install python3 python3-venv"
}

make_user() {
    is_root || { user=$(id -un); return 0; }
    command -v setpriv >/dev/null || fail "setpriv is needed; on Debian: apt-get install util-linux"
    if ! id "$user" >/dev/null 2>&1; then
        useradd --system --user-group --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$user"
        say "made the user $user"
    fi
    [ "$(id -u "$user")" != 0 ] || fail "the service does not run as root; choose another --user"
}

# What is to be installed, as one line: the same line is not installed twice.
fingerprint() {
    for file in "$package" "$constraints"; do
        if [ -f "$file" ]; then sha256sum "$file" | cut -d' ' -f1; else echo "$file"; fi
    done | tr '\n' ' '
    "$python" --version
}

make_release() {
    wanted=$(fingerprint)
    if [ ! -d "$package" ] && [ "$package" != heimdex ] &&
        [ "$(cat "$prefix/current/.installed" 2>/dev/null)" = "$wanted" ] &&
        "$prefix/current/bin/heimdex" --version >/dev/null 2>&1; then
        say "$("$prefix/current/bin/heimdex" --version) is installed already"
        return 1
    fi
    mkdir -p "$prefix/releases"
    release=$prefix/releases/$(date -u +%Y%m%dT%H%M%SZ)-$$
    trap 'rm -rf "$release"' EXIT
    "$python" -m venv "$release"
    "$release/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
        ${constraints:+--constraint "$constraints"} "$package"
    version=$("$release/bin/heimdex" --version) || fail "what was installed does not run; nothing was changed"
    printf '%s\n' "$wanted" >"$release/.installed"
    ln -sfn "$release" "$prefix/.next"
    mv -T "$prefix/.next" "$prefix/current"
    trap - EXIT
    say "installed $version in $release"
}

# The one in use and the one before stay, to go back to.
sweep() {
    in_use=$(readlink -f "$prefix/current")
    find "$prefix/releases" -mindepth 1 -maxdepth 1 -type d | sort -r | grep -vxF "$in_use" | tail -n +2 |
        while read -r old; do rm -rf "$old"; done
}

make_places() {
    mkdir -p "$home"
    chmod 0700 "$home"
    if is_root; then
        chown "$user:" "$home"
        mkdir -p /usr/local/bin
        ln -sfn "$prefix/current/bin/heimdex" /usr/local/bin/heimdex
    fi
}

write_settings() {
    is_root || return 0
    secrets=$(dirname "$settings")/secrets
    mkdir -p "$secrets"
    chmod 0700 "$secrets"
    [ -e "$settings" ] && return 0
    sed "s|^HEIMDEX_HOME=.*|HEIMDEX_HOME=$home|" "$here/heimdex.env" >"$settings"
    chown "root:$(id -gn "$user")" "$settings"
    chmod 0640 "$settings"
    say "settings are in $settings"
}

# A setting of the service: from its folder of secrets, from its file, else from the environment.
setting() {
    name=HEIMDEX_$(echo "$1" | tr '[:lower:]' '[:upper:]')
    if is_root && [ -r "$(dirname "$settings")/secrets/$1" ]; then
        cat "$(dirname "$settings")/secrets/$1"
    elif is_root && grep -q "^$name=" "$settings" 2>/dev/null; then
        sed -n "s/^$name=//p" "$settings" | tail -n 1
    else
        printenv "$name" || true
    fi
}

install_units() {
    is_root && [ "$units" = yes ] && [ -d /etc/systemd/system ] || return 0
    for unit in heimdex.service heimdex-worker@.service; do
        sed -e "s|/opt/heimdex|$prefix|g" -e "s|/var/lib/heimdex|$home|g" -e "s|/etc/heimdex/heimdex.env|$settings|g" \
            -e "s|/etc/heimdex/secrets|$(dirname "$settings")/secrets|" \
            -e "s|^User=.*|User=$user|" -e "s|^Group=.*|Group=$(id -gn "$user")|" \
            "$here/systemd/$unit" >"/etc/systemd/system/$unit"
    done
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl try-restart heimdex.service 'heimdex-worker@*.service'
        say "start it with: systemctl enable --now heimdex"
    fi
}

python=$(find_python)
make_user
make_places
made=yes
make_release || made=no
write_settings
if [ "$migrate" = yes ]; then
    set --
    for name in database_url database_admin_url object_store s3_endpoint s3_region s3_allow_http s3_key_id s3_secret; do
        value=$(setting "$name")
        [ -z "$value" ] || set -- "$@" "HEIMDEX_$(echo "$name" | tr '[:lower:]' '[:upper:]')=$value"
    done
    as_user env "$@" "$prefix/current/bin/heimdex" migrate
fi
if [ -n "$models" ]; then as_user "$prefix/current/bin/heimdex" models pull --set "$models" --yes; fi
[ "$made" = no ] || sweep
install_units
say "done; \`heimdex doctor\` tells how it stands"
