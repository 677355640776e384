# Shared by the scripts of this folder; source it. Says what it does, asks nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
export PATH="$ROOT/.venv/bin:$PATH"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
note() { printf '    %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo "$@"; else fail "this step needs root: $*"; fi
}

# Installs Debian packages that are not there yet.
packages() {
  local missing=()
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return 0
  say "Installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# PostgreSQL's programs, wherever Debian put them.
postgres_installed() { have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

install_what_is_missing() {
  have cargo || fail "Berth is built with a Rust toolchain (1.95 or newer), and there is no cargo on PATH."
  have cc || packages gcc libc6-dev
  have curl || packages curl ca-certificates
  have iptables || packages iptables
  have ip || packages iproute2
  postgres_installed || packages postgresql
  have dockerd || packages docker.io
}

# A Python folder with the clients that tests use; the `aws` command too unless it is there and knows AWS_ENDPOINT_URL.
python_clients() {
  if [ ! -x .venv/bin/python ]; then
    python3 -m venv --help >/dev/null 2>&1 || packages python3-venv
    say "Making .venv for Python clients"
    python3 -m venv .venv
  fi
  .venv/bin/python - "$@" <<'PY' 2>/dev/null && return 0
import importlib.metadata, sys
for name in sys.argv[1:]:
    importlib.metadata.version(name.split("=")[0])
PY
  say "Installing $* into .venv"
  .venv/bin/pip install -q --disable-pip-version-check "$@"
}

docker_answers() { docker -H "${DOCKER_HOST:-unix:///var/run/docker.sock}" version >/dev/null 2>&1; }

start_docker() {
  docker_answers && return 0
  say "Starting dockerd"
  as_root mkdir -p /var/log
  as_root bash -c 'setsid nohup dockerd >/var/log/berth-dockerd.log 2>&1 </dev/null & echo $! >/run/berth-dockerd.pid'
  for _ in $(seq 150); do docker_answers && return 0; sleep 0.2; done
  tail -n 5 /var/log/berth-dockerd.log >&2 || true
  fail "dockerd did not start; its log is /var/log/berth-dockerd.log"
}

# A static binary of a package: sets STATIC to its path. $1: package, $2: debug or release.
build_static() {
  local package=$1 profile=$2 flag=() triple
  [ "$profile" = release ] && flag=(--release)
  triple=$(rustc -vV | sed -n 's/^host: //p')
  cargo build -q "${flag[@]}" -p "$package" --target "$triple" --target-dir target/hello \
    --config 'build.rustflags=["-C","target-feature=+crt-static"]'
  STATIC="target/hello/$triple/$profile/$package"
}

# The sample. $1: debug or release.
build_hello() { build_static hello "$1" && HELLO=$STATIC; }

# An image of one static binary, without a registry and without a builder. $1: image, $2: binary, $3: name in the image.
image_of_binary() {
  local image=$1 binary=$2 name=$3 staging
  staging=$(mktemp -d)
  install -m 0755 "$binary" "$staging/$name"
  tar -C "$staging" -c "$name" | docker import -c "ENTRYPOINT [\"/$name\"]" - "$image" >/dev/null
  rm -rf "$staging"
}

# Containers of the agent whose data folder is $1; other agents may share the engine. $2: -q for running ones, -aq for all.
containers_of_agent() {
  local arn
  arn=$(grep -hso 'arn:[^"]*:container-instance/[^"]*' "$1"/agent/agent.json | head -n 1) || return 0
  docker ps "$2" --filter "label=dev.berth.container-instance=$arn"
}
