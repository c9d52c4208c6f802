#!/bin/sh
# Installs what only the browser tests need, where that is possible: Chromium, a Chinese font, and npm for the CDN's files.
missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium"
[ -e /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || missing="$missing fonts-noto-cjk"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the browser tests: $missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null && exit 0
fi
echo "The browser tests need: $missing. Debian: apt-get install $missing" >&2
exit 0
