#!/bin/sh
# Start nginx. TRUSTED_PROXIES says which address is the client's, and which proxy reports HTTPS.
#
# 1: nginx itself is the only proxy: each peer is a client, by HTTP.
# 2 or more: there are others in front of it. The client is that many places from the right in X-Forwarded-For as the
# application gets it, and X-Forwarded-Proto is theirs. As in attribution_project/settings.py.
set -eu

count=${TRUSTED_PROXIES:-1}
case "$count" in
    [1-9]) ;;
    *)
        echo "TRUSTED_PROXIES=$count is not the number of proxies, from 1 (this one alone) to 9." >&2
        exit 1
        ;;
esac
if [ "$count" = 1 ]; then
    address=remote_addr proto=scheme
else
    address=forwarded proto=http_x_forwarded_proto
fi
cat > "${CLIENT_CONF:-/tmp/client.conf}" <<NGINX
map \$http_x_forwarded_for \$forwarded {
    default \$remote_addr;
    "~(?:^|,) *([^, ]+) *(?:,[^,]*){$((count > 1 ? count - 2 : 0))}\$" \$1;
}
map "" \$client { default \$$address; }
map "" \$proto { default \$$proto; }
NGINX
exec nginx -g "daemon off;" "$@"
