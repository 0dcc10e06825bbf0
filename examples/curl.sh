#!/usr/bin/env bash
# Asks a service what is in a photo, in the ways that curl knows:
#
#   examples/curl.sh photo.jpg [http://127.0.0.1:8080]
#
# The key, where the service asks for one, comes from the variable API_KEY.
set -euo pipefail

photo=${1:?usage: examples/curl.sh photo.jpg [url]}
url=${2:-http://127.0.0.1:8080}

ask() {
  # A service that is full (429) says when to come back, and curl waits as long. The key is not on the command line,
  # where everybody on this machine could read it.
  curl --silent --show-error --fail-with-body --retry 5 --max-time 60 \
    --config <(if [ -n "${API_KEY:-}" ]; then printf 'header = "Authorization: Bearer %s"\n' "$API_KEY"; fi) "$@"
  echo
}

# Whether it serves, and which model.
ask "$url/health"

# As a form, as browsers send it.
ask --form "image=@$photo" "$url/predict"

# As it is, with the time that we would wait.
ask --header 'Content-Type: application/octet-stream' --header 'Request-Timeout: 5' --data-binary "@$photo" "$url/predict"
