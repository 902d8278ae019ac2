#!/bin/sh
# Makes the secrets that compose.yaml names, those that are not there yet. Files are readable by the container's
# user; the folder only by you.
set -eu
cd "$(dirname "$0")"
mkdir -p secrets
chmod 0711 secrets
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
write() { [ -e "secrets/$1" ] || { printf '%s' "$2" >"secrets/$1"; chmod 0444 "secrets/$1"; }; }

write postgres_password "$(random)"
write heimdex_password "$(random)"
write heimdex_database_url "postgresql://heimdex_app:$(cat secrets/heimdex_password)@database/heimdex"
write heimdex_database_admin_url "postgresql://postgres:$(cat secrets/postgres_password)@database/heimdex"
write heimdex_s3_key_id "$(random)"
write heimdex_s3_secret "$(random)"
key=$(cat secrets/heimdex_s3_key_id) secret=$(cat secrets/heimdex_s3_secret)
write object_store_users "{\"identities\": [{\"name\": \"heimdex\", \"credentials\": [{\"accessKey\": \"$key\", \
\"secretKey\": \"$secret\"}], \"actions\": [\"Admin\", \"Read\", \"Write\", \"List\"]}]}"
echo "secrets/ is complete; keep it out of backups that others read"
